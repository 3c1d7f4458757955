// The logit lens: figures of every layer at every token. The answer comes from the output downwards, in
// several pieces where the vocabulary is large; a cell's ten likeliest tokens are fetched when it is chosen.
import { address } from "../shared/address.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { nextTokenBars } from "../shared/next_token_bars.js";
import { floatsOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import * as shades from "../shared/shades.js";
import { look } from "../shared/subject.js";
import { visible } from "../shared/tokens/visible.js";
import { tip } from "../shared/tooltip.js";
import { lensGrid } from "./logit_lens_grid.js";

panel("logit_lens", ({ ask, find, all, root, notice, say }) => {
  const FIGURES = ["p", "rank", "entropy"];
  const part = (id) => find(`[data-id=${id}]`);

  let picture = null; // the answer; figures in rows from the embeddings up, NaN where still to come
  let lists = new Map(); // "row.column" -> a cell's likeliest tokens
  let pinned = cellFrom(address.get("at")),
    hovered = null;
  let figure = FIGURES.includes(address.get("lens")) ? address.get("lens") : "p";
  let turn = 0;
  const grid = lensGrid(part("frame"), { onHover: hover, onPick: toggle });

  function cellFrom(text) {
    const found = /^(\d{1,4})\.(\d{1,4})$/.exec(text ?? "");
    return found && { row: Number(found[1]), column: Number(found[2]) };
  }

  // ---- data ---------------------------------------------------------------------------------------

  /** An answer, or null when a newer refresh has begun; a failure counts only while it hasn't. */
  async function read(mine, request) {
    try {
      const answer = await ask("read_lens", request);
      return mine === turn ? answer : null;
    } catch (error) {
      if (mine !== turn) return null;
      part("stage").classList.add("gb-stale");
      throw error;
    }
  }

  async function refresh(subject) {
    const mine = (turn += 1);
    const answer = await read(mine, subject);
    if (!answer) return;
    const empty = answer.tokens.length === 0;
    part("stage").classList.remove("gb-stale");
    part("empty").hidden = !empty;
    part("invite").hidden = !empty;
    part("stage").hidden = empty;
    if (empty) {
      picture = null;
      return;
    }
    if (answer.note) notice(answer.note, "info");
    begin(answer, subject);
    while (picture.below > 0) {
      notice(
        `Reading layer by layer: ${picture.layers + 1 - picture.below} of ${picture.layers + 1} rows are here.`,
        "info",
      );
      const more = await read(mine, { ...picture.subject, below: picture.below });
      if (!more) return;
      take(more);
      draw();
      if (picture.below === 0) notice(answer.note ?? "", "info");
    }
  }

  function begin(answer, subject) {
    const same = picture && picture.tokens.join() === answer.tokens.join() && picture.layers === answer.layers;
    const T = answer.tokens.length,
      empty = () => new Float32Array((answer.layers + 1) * T).fill(NaN);
    picture = {
      ...answer,
      subject: { ...subject, step: answer.step },
      below: answer.layers + 1,
      appearance,
      truth,
      top: empty(),
      p: empty(),
      entropy: empty(),
      trueP: empty(),
      rank: empty(),
    };
    lists = new Map();
    hovered = null;
    tip.hide();
    if (pinned && (pinned.row > answer.layers || pinned.column >= T)) pin(null);
    take(answer);
    draw();
    if (!same) point(true);
  }

  function take(answer) {
    const T = picture.tokens.length;
    Object.assign(picture.texts, answer.texts);
    for (const [name, packed] of Object.entries(answer.rows)) {
      const values = floatsOf(packed); // from the highest row down
      for (let i = 0; i * T < values.length; i += 1) {
        picture[name].set(values.subarray(i * T, (i + 1) * T), (picture.below - 1 - i) * T);
      }
    }
    picture.below = answer.below;
  }

  // ---- what a cell says ---------------------------------------------------------------------------

  const index = (row, column) => row * picture.tokens.length + column;
  const last = () => picture.tokens.length - 1;
  const here = () => pinned ?? { row: picture.layers, column: last() };
  const truth = (column) => (column < last() ? picture.texts[picture.tokens[column + 1]] : null);
  const said = (row, column) => picture.texts[picture.top[index(row, column)]];

  /** Where a cell lies on its map, from 0 to 1; null where there is nothing to compare with. */
  function place(i, column) {
    if (figure === "p") return Math.sqrt(picture.p[i]);
    if (figure === "entropy") return picture.entropy[i] / Math.log(picture.vocabulary);
    return column < last() ? 1 - Math.log(picture.rank[i]) / Math.log(picture.vocabulary) : null;
  }

  function appearance(row, column) {
    const i = index(row, column);
    if (Number.isNaN(picture.top[i])) return null;
    const at = place(i, column);
    const { fill, ink } =
      at === null ? { ink: color("--gb-soft") } : shades.at(figure === "entropy" ? "surprise" : "sequential", at);
    return {
      text: said(row, column),
      fill,
      ink,
      right: column < last() && picture.top[i] === picture.tokens[column + 1],
    };
  }

  const token = (text) => el("span", { class: "gb-logit-lens-token" }, visible(text));
  const level = (row) =>
    row === 0
      ? "From the embeddings alone"
      : row === picture.layers
        ? `After layer ${row - 1}, the output,`
        : `After layer ${row - 1}`;
  const rankOf = (i) => `rank ${format.whole(picture.rank[i])} of ${format.whole(picture.vocabulary)}`;
  const nats = (x) => `${format.number(Math.abs(x) < 5e-7 ? 0 : x)} nats`;

  /** The lowest layer from which on the output's answer leads without a break. */
  function settled(column) {
    let row = picture.layers;
    while (row > 0 && picture.top[index(row - 1, column)] === picture.top[index(picture.layers, column)]) row -= 1;
    return row;
  }

  function sentence({ row, column }) {
    const i = index(row, column);
    if (Number.isNaN(picture.top[i])) return "This row is still being read …";
    const next = truth(column),
      from = settled(column),
      leads =
        from === picture.layers
          ? "only in the last layer"
          : from
            ? `from layer ${from - 1} on`
            : "from the embeddings on",
      leader = row === picture.layers ? "It" : `The output's ${visible(said(picture.layers, column))}`;
    return [
      `${level(row)} at ${visible(picture.texts[picture.tokens[column]])} (${column}): ${visible(said(row, column))}, ` +
        `${format.probability(picture.p[i])}, entropy ${nats(picture.entropy[i])}.`,
      ...(next === null
        ? []
        : [`Next in the text: ${visible(next)}, ${format.probability(picture.trueP[i])}, ${rankOf(i)}.`]),
      ...(picture.below > 0 ? [] : [`${leader} leads ${leads}.`]),
      ...(pinned ? ["Kept; Esc lets go."] : []),
    ].join(" ");
  }

  // ---- drawing ------------------------------------------------------------------------------------

  function draw() {
    for (const button of all("[data-id=figure] button"))
      button.setAttribute("aria-pressed", String(button.value === figure));
    const most = Math.log(picture.vocabulary),
      V = picture.vocabulary;
    const tens = [1, 10, 100, 1000, 10_000].filter((rank) => rank * 3 < V);
    const [unit, meaning, map, ticks] = {
      p: [
        "probability of the named token",
        "How strongly each layer holds the token that it names.",
        "sequential",
        [0, 0.05, 0.25, 0.5, 1].map((p) => [Math.sqrt(p), `${p}`]),
      ],
      rank: [
        "rank of the token that truly comes next",
        "1: the layer names the right token. The last column has no true next token.",
        "sequential",
        [V, ...tens.reverse()].map((rank) => [1 - Math.log(rank) / most, format.whole(rank)]),
      ],
      entropy: [
        "entropy, nats",
        "How unsure each layer is: 0 is certain, the right end means that all tokens are equally likely.",
        "surprise",
        [0, 0.25, 0.5, 0.75, 1].map((share) => [share, format.number(share * most)]),
      ],
    }[figure];
    part("unit").textContent = unit;
    part("meaning").textContent = meaning;
    shades.strip(part("legend"), map, ticks);
    grid.draw(picture);
    point();
  }

  /** Marks, sentence and bars follow the cell under the pointer, or else the chosen one. */
  function point(follow = false) {
    grid.point(hovered, here(), follow);
    say(sentence(hovered && !pinned ? hovered : here()));
    bars();
  }

  function bars() {
    const { row, column } = here(),
      key = `${row}.${column}`;
    part("title").replaceChildren(
      `${level(row).replace(/,$/, "")}, next after `,
      token(picture.texts[picture.tokens[column]]),
    );
    if (lists.has(key)) nextTokenBars(part("next"), lists.get(key));
    else fetchCell(key);
  }

  const fetchCell = latest(async (/** @type {string} "row.position" */ key) => {
    const of = picture,
      [row, position] = key.split(".").map(Number);
    if (!of || lists.has(key)) return;
    try {
      const answer = await ask("read_cell", { ...of.subject, row, position });
      if (of !== picture) return;
      lists.set(key, answer.next);
      if (`${here().row}.${here().column}` === key) nextTokenBars(part("next"), answer.next);
    } catch (error) {
      if (of === picture) notice(error.message);
    }
  });

  // ---- pointing, keys, settings -------------------------------------------------------------------

  const alike = (a, b) => a?.row === b?.row && a?.column === b?.column;

  function hover(cell, event) {
    if (!picture) return;
    if (!alike(cell, hovered)) {
      hovered = cell;
      grid.point(hovered, here());
      if (!pinned) say(sentence(hovered ?? here()));
    }
    const i = cell && index(cell.row, cell.column);
    if (!cell || Number.isNaN(picture.top[i])) return tip.hide();
    const next = truth(cell.column);
    tip.show(
      event.clientX,
      event.clientY,
      el("span", {}, token(said(cell.row, cell.column)), ` ${format.probability(picture.p[i])}`),
      `${level(cell.row).replace(/,$/, "")}, token ${cell.column}`,
      `entropy ${nats(picture.entropy[i])}`,
      ...(next === null
        ? []
        : [el("span", {}, "true next ", token(next), ` ${format.probability(picture.trueP[i])}, ${rankOf(i)}`)]),
    );
  }

  function pin(cell) {
    pinned = cell;
    address.set({ at: cell && `${cell.row}.${cell.column}` });
  }
  function toggle(cell) {
    if (!picture) return;
    pin(alike(cell, pinned) ? null : cell);
    tip.hide();
    point();
  }
  root.addEventListener("click", (event) => {
    if (
      picture &&
      pinned &&
      !(/** @type {Element} */ (event.target).closest(".gb-logit-lens-frame, .gb-caption, .gb-side, button"))
    )
      toggle(pinned);
  });

  const STEPS = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const within = (i, most) => Math.max(0, Math.min(most, i));
  on("key", (event) => {
    if (!picture || root.offsetParent === null) return;
    if (event.key === "Escape" && pinned) toggle(pinned);
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const { row, column } = here();
    hovered = null;
    pin({ row: within(row + step[0], picture.layers), column: within(column + step[1], last()) });
    point(true);
  });

  part("figure").addEventListener("click", (event) => {
    if (!event.target.value) return;
    figure = event.target.value;
    address.set({ lens: figure === "p" ? null : figure });
    if (picture) draw();
  });
  part("example").addEventListener("click", () => look({ prompt: "To be or not to be" }));

  const redraw = () => {
    if (picture) draw();
  };
  const resize = () => {
    redraw();
    if (picture) point(true);
  };
  return { refresh, theme: redraw, resize };
});
