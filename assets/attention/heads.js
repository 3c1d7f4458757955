// The Heads view: joins the grid of heads, one head enlarged, the prompt as text and the next-token
// bars. All of it comes from one forward pass; only a newly zoomed head's exact numbers are fetched
// later, and the picture doesn't wait for them.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { nextTokenBars } from "../shared/next_token_bars.js";
import { bytesOf, floatsOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import { inRoom } from "../shared/presenting.js";
import { look } from "../shared/subject.js";
import { tip } from "../shared/tooltip.js";
import { focus } from "./focus.js";
import { headGrid } from "./head_grid.js";
import { headProfiles } from "./head_profiles.js";
import { headText } from "./head_text.js";
import { walkHeads } from "./head_walk.js";
import { digits, most, withPlace, wordsOfHead } from "./head_words.js";
import { headZoom } from "./head_zoom.js";
import * as heat from "./heat.js";

const LINES = 96, // pixels below the grid that are kept for the prompt
  LEAST = 40; // and the fewest that it is shown in

panel("heads", ({ ask, find, all, root, notice, say }) => {
  let picture = null; // what trace_prompt answered, its bytes unpacked
  let exact = new Map(); // "layer.head" -> all numbers of that head
  let at = focus.head(),
    hovered = null;
  let scale = address.get("scale") in heat.SCALES ? address.get("scale") : "sqrt";
  let muted = address.get("mute") === "1";
  let turn = 0,
    model = null,
    page = null;

  const atDesk = matchMedia("(min-width: 901px)"),
    leftColumn = find(".gb-look-heads"),
    reading = find("[data-id=reading]"),
    zoomBox = find("[data-id=zoom]");
  const grid = headGrid(find("[data-id=grid]"), { onHover: hintHead, onPick: zoomTo, tall: gridRoom });
  const zoom = headZoom(zoomBox, { onHover: hoverCell, onPick: pinCell, tall: () => zoomBox.clientHeight });
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
    if (picture.opening) picture.opening.head = at.join(".");
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

  /** How high the grid may be: at a desk the legend has its place below, and a few lines of the prompt. */
  function gridRoom() {
    if (!atDesk.matches) return Infinity;
    const rest = leftColumn.firstElementChild.offsetHeight + leftColumn.querySelector(".gb-scale").offsetHeight + 16;
    return leftColumn.clientHeight - rest - (inRoom() ? 0 : LINES);
  }

  /** All heads by layer; sorted by a score; on a phone one layer at a time. */
  function drawGrid() {
    const narrow = leftColumn.clientWidth < 420 && !atDesk.matches,
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
    const shown = opening();
    find("[data-id=kind]").textContent = shown
      ? `${withPlace(picture.tokens, shown.row)} looks at ${withPlace(picture.tokens, shown.column)}`
      : profiles.label(number());
    profiles.table(number());
    drawGrid();
    picture.levels = fine
      ? heat.levels(fine.pattern, side, scale, muted ? fine.rests : null)
      : picture.thumbnails[number()];
    zoom.draw(picture.tokens, picture.levels, side, muted, name);
    fetchHead();
    point();
  }

  /** What a worked example shows of this prompt, as long as its head is the one on the screen. */
  const opening = () => (picture.opening?.head === at.join(".") ? picture.opening : null);
  const here = () => focus.cell() ?? hovered ?? opening() ?? { row: picture.tokens.length - 1, column: null };

  /** The crosshair, the sentence and the text: everything that follows the chosen cell. */
  function point() {
    highlight();
    showText();
  }
  function highlight() {
    const cell = here(),
      fine = values();
    const column = cell.column ?? (fine && most(fine.pattern, cell.row));
    zoom.point({ row: cell.row, column }, focus.cell() !== null);
    const words = wordsOfHead(picture.tokens, fine, cell, focus.cell() !== null);
    if (focus.cell() || hovered) say(words);
    else say(opening()?.says ?? `Layer ${at[0]}, head ${at[1]}${profiles.habit(number())} ${words}`);
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
    reading.hidden = false;
    reading.hidden = atDesk.matches && reading.clientHeight < LEAST; // there is no room for a line of it
    const fine = values(),
      side = fine ? picture.tokens.length : picture.side;
    text.show({ cell: here(), pinned: focus.cell() !== null, at, fine, levels: picture.levels, side, scale, muted });
  }

  // ---- pointing -----------------------------------------------------------------------------------

  function hintHead(head, event) {
    if (!head) return tip.hide();
    const [layer, h] = head;
    tip.show(event.clientX, event.clientY, `Layer ${layer}, head ${h}`, profiles.label(layer * picture.heads + h));
  }

  const token = (i, role) => el("span", { class: `gb-${role}` }, withPlace(picture.tokens, i));
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
      el("span", {}, token(cell.row, "from"), " → ", token(cell.column, "to")),
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
    const something = ".gb-heads, .gb-zoom, .gb-reading, .gb-caption, .gb-rail, button, select";
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

  walkHeads(
    () =>
      picture && root.offsetParent !== null
        ? { at, layers: picture.layers, heads: picture.heads, count: picture.tokens.length }
        : null,
    () => pinCell(null),
  );

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
      () => picture && zoomTo(Math.max(0, Math.min(picture.layers - 1, at[0] + step)), at[1]),
    );
  }
  find("[data-id=example]").addEventListener("click", () => look({ prompt: "To be or not to be" }));

  const redraw = () => {
    if (!picture) return;
    at = focus.head() ?? at; // it may have been chosen in another view
    if (!at) return; // another model is on its way, and says which head it opens on
    if (at[0] >= picture.layers || at[1] >= picture.heads) at = [0, 0];
    draw();
  };
  return { refresh, theme: redraw, resize: redraw };
});
