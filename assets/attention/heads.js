// The Heads view: joins the grid of heads, one head enlarged, the prompt as text and the next-token
// bars. All of it comes from one forward pass; only a newly zoomed head's exact numbers are fetched
// later, and the picture doesn't wait for them.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { nextTokenBars } from "../shared/next_token_bars.js";
import { bytesOf, floatsOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import { look } from "../shared/subject.js";
import { visible } from "../shared/tokens/visible.js";
import { tip } from "../shared/tooltip.js";
import { focus } from "./focus.js";
import { headGrid } from "./head_grid.js";
import { headProfiles } from "./head_profiles.js";
import { headText } from "./head_text.js";
import { headZoom } from "./head_zoom.js";
import * as heat from "./heat.js";

panel("heads", ({ ask, find, all, root, notice }) => {
  let picture = null; // what trace_prompt answered, its bytes unpacked
  let exact = new Map(); // "layer.head" -> all numbers of that head
  let at = focus.head(),
    hovered = null;
  let scale = address.get("scale") in heat.SCALES ? address.get("scale") : "sqrt";
  let muted = address.get("mute") === "1";
  let turn = 0,
    model = null,
    page = null;

  const grid = headGrid(find("[data-id=grid]"), { onHover: hintHead, onPick: zoomTo });
  const zoom = headZoom(find("[data-id=zoom]"), { onHover: hoverCell, onPick: pinCell });
  const text = headText({
    find,
    ask,
    notice,
    redraw: () => picture && showText(),
    onHover: hoverCell,
    onPick: pinCell,
  });
  const profiles = headProfiles({ find, ask, notice, change: () => picture && draw() });

  // ---- data ---------------------------------------------------------------------------------------

  async function refresh(subject) {
    const mine = (turn += 1);
    at = focus.head() ?? at;
    if (!focus.head() && (subject.model !== model || picture?.tokens.length < 3)) at = null;
    let answer;
    try {
      answer = await ask("trace_prompt", { ...subject, layer: at?.[0], head: at?.[1] });
    } catch (error) {
      if (mine !== turn) return;
      find("[data-id=stage]").classList.add("gb-stale"); // the picture is of another subject than the bar says
      throw error;
    }
    if (mine !== turn) return;
    model = subject.model;
    find("[data-id=stage]").classList.remove("gb-stale");
    find("[data-id=empty]").hidden = answer.tokens.length > 0;
    find("[data-id=invite]").hidden = answer.tokens.length > 0;
    find("[data-id=stage]").hidden = answer.tokens.length === 0;
    if (!answer.tokens.length) {
      picture = null;
      return;
    }
    if (answer.note) notice(answer.note, "info");
    take(answer, subject);
    draw();
  }

  function take(answer, subject) {
    hovered = null;
    tip.hide();
    const count = answer.layers * answer.heads;
    const cut = (values) =>
      Array.from(
        { length: count },
        (
          _,
          i, // a piece for each head
        ) => values.subarray((i * values.length) / count, ((i + 1) * values.length) / count),
      );
    picture = {
      ...answer,
      subject: { ...subject, step: answer.step },
      bytes: cut(bytesOf(answer.thumbnails)),
      rests: cut(heat.weights(bytesOf(answer.rests))),
    };
    exact = new Map();
    at = keep(answer.zoomed);
    text.take(picture);
    profiles.take(answer.kinds, picture.subject, answer.sampled);
    focus.follow(answer.tokens);
  }

  /** Work out one head's exact numbers; returns which head it was. */
  function keep({ layer, head, q, k }) {
    exact.set(`${layer}.${head}`, heat.attend(floatsOf(q), floatsOf(k), picture.tokens.length));
    if (exact.size > 200) exact.delete(exact.keys().next().value);
    return [layer, head];
  }

  function zoomTo(layer, head) {
    if (picture) focus.set({ head: [layer, head] });
  }

  async function fetchHead() {
    const [layer, head] = at,
      of = picture;
    if (exact.has(at.join("."))) return;
    try {
      const answer = await ask("read_head", { ...of.subject, layer, head });
      if (of !== picture) return;
      keep(answer);
      if (at.join(".") === `${layer}.${head}`) drawHead();
    } catch (error) {
      if (of === picture) notice(error.message);
    }
  }

  // ---- drawing ------------------------------------------------------------------------------------

  const number = () => at[0] * picture.heads + at[1];
  const values = () => exact.get(at.join("."));
  const place = (row, column) => (row * (row + 1)) / 2 + column;

  function draw() {
    for (const button of all("[data-id=scale] button"))
      button.setAttribute("aria-pressed", String(button.value === scale));
    find("[data-id=mute]").checked = muted;
    find("[data-id=hatched]").hidden = !muted;
    find("[data-id=unit]").textContent = muted
      ? "share of the weight that is not on the first token"
      : "attention weight";
    const count = picture.tokens.length;
    find("[data-id=size]").textContent =
      `All ${picture.layers * picture.heads} heads, ${count} token${count > 1 ? "s" : ""}`;
    find("[data-id=pooled]").hidden = picture.side === picture.tokens.length;
    find("[data-id=pooled]").textContent =
      `Thumbnails have ${picture.side} cells a side; each shows the strongest weight in it.`;
    heat.legend(find("[data-id=legend]"), scale);
    picture.thumbnails = picture.bytes.map((own, i) =>
      muted ? heat.levels(heat.weights(own), picture.side, scale, picture.rests[i]) : heat.byteLevels(own, scale),
    );
    nextTokenBars(find("[data-id=next]"), picture.next);
    text.draw();
    page = null;
    drawHead();
  }

  /** All heads by layer; sorted by a score; on a phone one layer at a time. */
  function drawGrid() {
    const narrow = find(".gb-look").clientWidth < 420,
      byScore = profiles.sorted(picture.heads);
    const now = narrow && !byScore ? `layer ${at[0]}` : "all";
    find("[data-id=pager]").hidden = now === "all";
    find("[data-id=layer]").textContent = `layer ${at[0]} of 0–${picture.layers - 1}`;
    find("[data-id=below]").disabled = at[0] === 0;
    find("[data-id=above]").disabled = at[0] === picture.layers - 1;
    if (page !== now) {
      page = now;
      const columns = narrow ? ([4, 3].find((n) => picture.heads % n === 0) ?? 4) : picture.heads;
      const ofLayer = {
        order: Array.from({ length: picture.heads }, (_, h) => at[0] * picture.heads + h),
        columns,
        name: (i) => `H${i % picture.heads}`,
      };
      grid.draw(picture, picture.thumbnails, muted, byScore ? { ...byScore, columns } : narrow ? ofLayer : null);
    }
    grid.choose(...at);
  }

  function drawHead() {
    const [layer, head] = at,
      name = `Layer ${layer}, head ${head}`,
      fine = values();
    const side = fine ? picture.tokens.length : picture.side;
    find("[data-id=title]").textContent = name;
    find("[data-id=kind]").textContent = profiles.label(number());
    profiles.table(number());
    drawGrid();
    picture.levels = fine
      ? heat.levels(fine.pattern, side, scale, muted ? fine.rests : null)
      : picture.thumbnails[number()];
    zoom.draw(picture.tokens, picture.levels, side, muted, name);
    fetchHead();
    point();
  }

  const here = () => focus.cell() ?? hovered ?? { row: picture.tokens.length - 1, column: null };

  /** The crosshair, the sentence and the text: everything that follows the chosen cell. */
  function point() {
    highlight();
    showText();
  }
  function highlight() {
    zoom.point(here(), focus.cell() !== null);
    find("[data-id=readout]").replaceChildren(...sentence(here()));
  }

  /** Under a moving pointer the text, which may be long, follows once a frame. */
  let awaited = false;
  function pointSoon() {
    highlight();
    if (awaited) return;
    awaited = true;
    requestAnimationFrame(() => {
      awaited = false;
      if (picture) showText();
    });
  }

  function showText() {
    const fine = values(),
      side = fine ? picture.tokens.length : picture.side;
    text.show({ cell: here(), pinned: focus.cell() !== null, at, fine, levels: picture.levels, side, scale, muted });
  }

  const named = (i, kind) => [el("span", { class: `gb-${kind}` }, visible(picture.tokens[i].text)), ` (${i})`];
  const digits = (x) => String(Number(x.toPrecision(7))).replace("-", "−");

  function sentence({ row, column }) {
    const fine = values();
    if (!fine) return ["Reading the exact weights …"];
    if (row === 0 && column === null) return [...named(0, "from"), " comes first and can only look at itself."];
    if (column === null) {
      const weights = fine.pattern.subarray(place(row, 0), place(row, row) + 1);
      const best = weights.reduce((top, w, i) => (w > weights[top] ? i : top), 0);
      return [
        ...named(row, "from"),
        " looks most at ",
        ...named(best, "to"),
        `: ${format.number(weights[best])} of its attention. `,
        el("span", { class: "gb-soft" }, "Point at a cell for its weight; a click keeps it."),
      ];
    }
    const weight = fine.pattern[place(row, column)],
      score = fine.scores[place(row, column)];
    const percent = weight >= 0.001 ? ` (${format.probability(weight)})` : "";
    return [
      ...named(row, "from"),
      " looks at ",
      ...named(column, "to"),
      ": weight ",
      el("b", {}, digits(weight)),
      `${percent}, score before softmax `,
      el("b", {}, digits(score)),
      ".",
      focus.cell() ? el("span", { class: "gb-soft" }, " Kept; Esc lets go.") : "",
    ];
  }

  // ---- pointing -----------------------------------------------------------------------------------

  function hintHead(head, event) {
    if (!head) return tip.hide();
    const [layer, h] = head;
    tip.show(event.clientX, event.clientY, `Layer ${layer}, head ${h}`, profiles.label(layer * picture.heads + h));
  }

  const same = (a, b) => a?.row === b?.row && a?.column === b?.column;

  function hoverCell(cell, event) {
    if (!picture) return;
    const pinned = focus.cell() !== null;
    if (!pinned && !same(cell, hovered)) {
      hovered = cell;
      pointSoon();
    }
    const fine = values();
    if (!cell || cell.column === null || pinned || !fine) return tip.hide();
    const k = place(cell.row, cell.column),
      T = picture.tokens.length;
    const total = fine.pattern
      .subarray(place(cell.row, 0), place(cell.row, cell.row) + 1)
      .reduce((sum, w) => sum + w, 0);
    tip.show(
      event.clientX,
      event.clientY,
      el("span", {}, ...named(cell.row, "from"), " → ", ...named(cell.column, "to")),
      `weight ${digits(fine.pattern[k])}`,
      `score before softmax ${digits(fine.scores[k])}`,
      `its row adds up to ${total.toFixed(4)}; its column, over ${T - cell.column} row${T - cell.column > 1 ? "s" : ""}, ` +
        `to ${fine.sums[cell.column].toFixed(4)}`,
    );
  }

  function pinCell(cell) {
    if (!picture) return;
    hovered = null;
    tip.hide();
    focus.set({ cell: same(cell, focus.cell()) ? null : cell });
  }

  root.addEventListener("click", (event) => {
    // a click on nothing in particular lets go
    const something = ".gb-heads, .gb-zoom, .gb-reading, .gb-readout, .gb-rail, button, select";
    if (focus.cell() && !(/** @type {Element} */ (event.target).closest(something))) pinCell(null);
  });

  /** Another head or cell was chosen, here or in another view. */
  function follow() {
    if (!picture || root.offsetParent === null) return;
    const wanted = focus.head() ?? at;
    if (wanted.join() === at.join() || wanted[0] >= picture.layers || wanted[1] >= picture.heads) return point();
    at = wanted;
    drawHead();
  }
  on("focus", follow);

  // ---- keys and settings --------------------------------------------------------------------------

  const STEPS = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
    ",": [-1, 0],
    ".": [1, 0],
  };
  const within = (i, count) => Math.max(0, Math.min(count - 1, i));

  on("key", (event) => {
    if (!picture || root.offsetParent === null) return;
    if (event.key === "Escape" && focus.cell()) pinCell(null);
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const { row, column } = focus.cell() ?? { row: picture.tokens.length - 1, column: null };
    if (event.shiftKey) {
      // through the cells
      const down = within(row + step[0], picture.tokens.length);
      focus.set({ cell: { row: down, column: within((column ?? down + 1) + step[1], down + 1) } });
    } else if (event.key.startsWith("Arrow")) {
      // through the heads
      zoomTo(within(at[0] + step[0], picture.layers), within(at[1] + step[1], picture.heads));
    } else {
      // through the tokens that look
      const next = focus.cell() ? within(row + step[0], picture.tokens.length) : row;
      focus.set({ cell: { row: next, column: column === null ? null : Math.min(column, next) } });
    }
  });

  find("[data-id=scale]").addEventListener("click", (event) => {
    if (!event.target.value) return;
    scale = event.target.value;
    address.set({ scale: scale === "sqrt" ? null : scale });
    if (picture) draw();
  });
  find("[data-id=mute]").addEventListener("change", (event) => {
    muted = event.target.checked;
    if (!event.target.matches(":focus-visible")) event.target.blur(); // after a click, arrow keys stay with the heads
    address.set({ mute: muted ? "1" : null });
    if (picture) draw();
  });
  for (const [id, step] of [
    ["below", -1],
    ["above", 1],
  ]) {
    find(`[data-id=${id}]`).addEventListener(
      "click",
      () => picture && zoomTo(within(at[0] + step, picture.layers), at[1]),
    );
  }
  find("[data-id=example]").addEventListener("click", () => look({ prompt: "To be or not to be" }));

  const redraw = () => {
    if (!picture) return;
    at = focus.head() ?? at; // it may have been chosen in another view
    if (at[0] >= picture.layers || at[1] >= picture.heads) at = [0, 0];
    draw();
  };
  return { refresh, theme: redraw, resize: redraw };
});
