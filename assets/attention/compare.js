// The Compare view: A and B, each a head with a prompt, a moment and a model, and A - B where their
// cells stand for the same positions. Pointing at one points at all three.
import { address } from "../shared/address.js";
import { color } from "../shared/colour.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { floatsOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import { tip } from "../shared/tooltip.js";
import { apartText, movedByRow } from "./apart_text.js";
import { comparedSide } from "./compare_side.js";
import { focus } from "./focus.js";
import { headStep } from "./head_walk.js";
import { digits, withPlace } from "./head_words.js";
import { headZoom } from "./head_zoom.js";
import * as heat from "./heat.js";

panel("compare", ({ ask, find, all, root, notice, say }) => {
  const NAMES = { a: "A", b: "B" },
    AROUND = 140; // pixels above and below each square, at the desk's size of letters
  const atDesk = matchMedia("(min-width: 901px)");
  const tall = (scale) => (atDesk.matches ? find("[data-id=stage]").clientHeight - AROUND * scale : innerHeight);
  const sides = { a: side("a"), b: side("b") };
  const difference = headZoom(find("[data-id=difference]"), { onHover: hover, onPick: pick, longest: 8, tall });
  const rows = apartText(find("[data-id=rows]"), { onHover: hover, onPick: pick });
  let scale = address.get("scale") in heat.SCALES ? address.get("scale") : "sqrt";
  let subject = null,
    hovered = null,
    models = [],
    moved = [], // of each token, how much of its attention goes elsewhere in B
    turn = 0;

  /** What the address says of a side, where another view may have put it. */
  function told(key) {
    const step = Number.parseInt(address.get(`${key}.step`, ""), 10);
    return {
      head: focus.pair(address.get(key)),
      model: address.get(`${key}.model`),
      step: Number.isNaN(step) ? null : step,
      prompt: address.get(`${key}.prompt`),
    };
  }

  /** One side: what it is told apart from the bar, its controls, and once it is read its numbers. */
  function side(key) {
    const part = { key, own: told(key), read: null, shown: "" };
    part.panel = comparedSide(find(`[data-side=${key}]`), NAMES[key], (changes) => change(part, changes));
    part.zoom = headZoom(part.panel.zoom, { onHover: hover, onPick: pick, longest: 8, tall });
    return part;
  }

  function change(part, changes) {
    if ("model" in changes) changes.step = null;
    Object.assign(part.own, changes);
    const { head, model, step, prompt } = part.own,
      { key } = part;
    const own = { [`${key}.model`]: model, [`${key}.step`]: step, [`${key}.prompt`]: prompt };
    address.set({ [key]: head?.join("."), ...own });
    load().catch((error) => notice(error.message));
  }

  // ---- data ---------------------------------------------------------------------------------------

  async function refresh(next) {
    subject = next;
    ({ models } = await ask("list_rivals"));
    await load();
  }

  /** What a side asks for: the bar's subject, but for what it was given of its own. */
  function wanted({ own }, head) {
    const model = own.model ?? subject.model,
      step = own.step ?? (own.model ? null : subject.step);
    return { model, step, prompt: own.prompt ?? subject.prompt, layer: head?.[0], head: head?.[1] };
  }

  async function read(part, head) {
    const request = wanted(part, head),
      key = JSON.stringify([request, subject]);
    if (part.shown === key) return part.read;
    const answer = await ask("read_side", request);
    if (!answer.tokens.length) return { tokens: [] };
    return {
      ...answer,
      key,
      of: request,
      ...heat.attend(floatsOf(answer.q), floatsOf(answer.k), answer.tokens.length),
    };
  }

  /** Read both sides. B shows the head beside A's until it is given one. */
  async function load() {
    const mine = (turn += 1),
      { a, b } = sides;
    for (const part of [a, b]) part.own = told(part.key);
    const first = await read(a, a.own.head ?? focus.head());
    if (mine !== turn) return;
    const beside = first.tokens.length ? [first.layer, (first.head + 1) % first.heads] : null;
    const second = await read(b, b.own.head ?? beside);
    if (mine !== turn) return;
    notice("");
    for (const [part, answer] of [
      [a, first],
      [b, second],
    ]) {
      part.read = answer;
      part.shown = answer.key ?? "";
    }
    const filled = first.tokens.length > 0 && second.tokens.length > 0;
    find("[data-id=empty]").hidden = filled;
    find("[data-id=stage]").hidden = !filled;
    const note = first.note ?? second.note;
    if (note) notice(note, "info");
    if (filled) draw();
  }

  on("focus", () => {
    if (!subject || root.offsetParent === null) return;
    if (sides.a.own.head === null && String(focus.head() ?? "") !== String([sides.a.read?.layer, sides.a.read?.head])) {
      load().catch((error) => notice(error.message));
    } else if (filled()) point();
  });

  // ---- drawing ------------------------------------------------------------------------------------

  const filled = () => Boolean(sides.a.read?.tokens.length && sides.b.read?.tokens.length);
  const place = (row, column) => (row * (row + 1)) / 2 + column;
  const comparable = () => sides.a.read.tokens.length === sides.b.read.tokens.length;

  function draw() {
    for (const button of all("[data-id=scale] button"))
      button.setAttribute("aria-pressed", String(button.value === scale));
    for (const part of Object.values(sides)) {
      const { tokens, pattern, layer, head } = part.read,
        T = tokens.length;
      part.panel.draw(part.read, part.own, models, subject);
      part.zoom.draw(
        tokens,
        heat.levels(pattern, T, scale),
        T,
        false,
        `${NAMES[part.key]}: layer ${layer}, head ${head}`,
      );
    }
    heat.legend(find("[data-id=legend]"), scale);
    heat.legend(find("[data-id=signed]"), scale, "diverging");
    const { a, b } = sides,
      T = a.read.tokens.length,
      same = comparable();
    find("[data-id=difference]").hidden = !same;
    find("[data-id=differences]").hidden = !same;
    const texts = ({ read: { tokens } }) => tokens.map((token) => token.text).join("\0");
    find("[data-id=apart]").hidden = same && texts(a) === texts(b);
    find("[data-id=apart]").textContent = same
      ? "The texts differ: cells are compared by position, and named after A."
      : `A has ${T} tokens and B ${b.read.tokens.length}: ` +
        "their cells stand for different pairs of positions, so there is no difference to draw.";
    if (same) {
      difference.draw(
        a.read.tokens,
        heat.differences(a.read.pattern, b.read.pattern, scale),
        T,
        false,
        "A minus B",
        heat.inks(false, "diverging"),
      );
      moved = movedByRow(a.read.pattern, b.read.pattern, T);
      rows.draw(a.read.tokens, moved, parseFloat(color("--gb-scale")) || 1);
    } else rows.hide();
    point();
  }

  const shownCell = () => {
    const cell = focus.cell() ?? hovered;
    return cell && cell.row < sides.a.read.tokens.length ? cell : null;
  };

  function point() {
    const cell = shownCell(),
      pinned = focus.cell() !== null;
    for (const {
      zoom,
      read: { tokens },
    } of Object.values(sides)) {
      zoom.point(cell && cell.row < tokens.length ? cell : null, pinned);
    }
    if (comparable()) difference.point(cell, pinned);
    rows.point(cell?.row ?? null);
    say(!cell ? summary() : cell.column === null ? ofRow(cell.row) : sentence(cell));
  }

  function sentence({ row, column }) {
    const { a, b } = sides,
      k = place(row, column),
      parts = [];
    for (const { key, read } of [a, b]) {
      if (row >= read.tokens.length) continue;
      const pair = `${withPlace(read.tokens, row)} looks at ${withPlace(read.tokens, column)}`;
      parts.push(`${NAMES[key]}: ${pair} with weight ${digits(read.pattern[k], 6)}.`);
    }
    if (comparable()) parts.push(`A − B: ${digits(a.read.pattern[k] - b.read.pattern[k], 6)}.`);
    return parts.join("  ");
  }

  /** Of a token, without the one it looks at. */
  function ofRow(row) {
    if (!comparable()) return summary();
    return `${format.probability(moved[row])} of the attention of ${withPlace(sides.a.read.tokens, row)} goes elsewhere in B.`;
  }

  /** Without a cell: how much of the attention lies elsewhere, and where most. */
  function summary() {
    if (!comparable()) return "Point at a cell for its weight; a click keeps it.";
    const { a, b } = sides,
      T = a.read.tokens.length,
      p = a.read.pattern,
      q = b.read.pattern;
    let most = [0, 0];
    for (let row = 0; row < T; row += 1) {
      for (let column = 0; column <= row; column += 1) {
        const k = place(row, column);
        if (Math.abs(p[k] - q[k]) > Math.abs(p[place(...most)] - q[place(...most)])) most = [row, column];
      }
    }
    const k = place(...most);
    return (
      `${format.probability(moved.reduce((sum, x) => sum + x, 0) / T)} of the attention goes elsewhere in B, most where ` +
      `${withPlace(a.read.tokens, most[0])} looks at ${withPlace(a.read.tokens, most[1])}: ` +
      `${format.number(p[k])} in A, ${format.number(q[k])} in B.`
    );
  }

  // ---- pointing and settings ----------------------------------------------------------------------

  const same = (a, b) => a?.row === b?.row && a?.column === b?.column;

  function hover(cell) {
    if (!filled() || focus.cell() || same(cell, hovered)) return;
    hovered = cell;
    point();
  }
  function pick(cell) {
    hovered = null;
    tip.hide();
    focus.set({ cell: same(cell, focus.cell()) ? null : cell });
  }
  on("key", (event) => {
    if (root.offsetParent === null || !filled()) return;
    if (event.key === "Escape" && focus.cell()) pick(null);
    const { layer, head, layers, heads } = sides.b.read,
      next = headStep(event, [layer, head], layers, heads);
    if (!next) return;
    event.preventDefault();
    change(sides.b, { head: next }); // A stays, B walks
  });
  find("[data-id=scale]").addEventListener("click", (event) => {
    if (!event.target.value) return;
    scale = event.target.value;
    address.set({ scale: scale === "sqrt" ? null : scale });
    if (filled()) draw();
  });

  const redraw = () => {
    if (!filled()) return;
    scale = address.get("scale") in heat.SCALES ? address.get("scale") : "sqrt"; // Heads may have changed it
    draw();
    load().catch((error) => notice(error.message));
  };
  return { refresh, theme: () => filled() && draw(), resize: redraw };
});
