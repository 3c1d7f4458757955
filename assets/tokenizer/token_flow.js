// A text's tokens as chips and as ids, linked. An answer of read_text changes only the nodes whose tokens
// changed, and they stand in blocks of a line each: a browser lays out one block anew, not the whole text.
import { el } from "../shared/elements.js";
import * as tokenChip from "../shared/tokens/chip.js";

const MAX_BLOCK = 200; // units of a block; longer lines go on in the next one

/** A copy of `list` with `removed` entries at `from` replaced; splice can't take a hundred thousand. */
const spliced = (list, [from, removed, added]) => [...list.slice(0, from), ...added, ...list.slice(from + removed)];

/**
 * Running text as chips.
 * @param {HTMLElement} box
 * @param {HTMLElement} list holds the ids
 * @param {(i: number | null, pinned?: boolean) => void} point is told which token is looked at, or null
 */
function make(box, list, point) {
  box.dir = "auto"; // from right to left where the text reads so
  let ids = [],
    blocks = [],
    table = {},
    first = 0,
    chips = [],
    idNodes = [],
    marks = true,
    unread = 0;
  let lit = [],
    focusable = null;

  const idNode = (id) => el("span", { data: { token: "" } }, String(id));
  const build = (raw) => ({ raw, ids: raw[0].map(idNode), ...tokenChip.unit(raw, table, { marks }) });

  function patch(answer) {
    light(null);
    if (answer.fresh) {
      for (const block of blocks) remove(block);
      ids = [];
      blocks = [];
      table = {};
      unread = 0;
    }
    Object.assign(table, answer.new);
    ids = spliced(ids, answer.ids);
    first = answer.first;
    change(...answer.units);
    chips = blocks.flatMap((block) => block.units.flatMap((unit) => unit.chips));
    idNodes = blocks.flatMap((block) => block.units.flatMap((unit) => unit.ids));
    dim(answer.unread);
    stop(chips[0] ?? null);
  }

  /** Units `from` on give way to others: the blocks around them are made anew, with the nodes that stay. */
  function change(from, removed, added) {
    let start = 0,
      before = 0;
    while (start < blocks.length - 1 && before + blocks[start].units.length <= from)
      before += blocks[start++].units.length;
    let end = start,
      covered = before;
    while (end < blocks.length && covered <= from + removed) covered += blocks[end++].units.length;
    const touched = blocks.slice(start, end),
      units = touched.flatMap((block) => block.units);
    units.splice(from - before, removed, ...added.map(build));
    const fresh = lines(units).map(blockOf),
      next = blocks[end];
    for (const block of fresh) {
      box.insertBefore(block.box, next?.box ?? null);
      list.insertBefore(block.list, next?.list ?? null);
    }
    for (const block of touched) remove(block);
    blocks.splice(start, end - start, ...fresh);
  }

  function lines(units) {
    const found = [[]];
    for (const unit of units) {
      const line = found[found.length - 1];
      line.push(unit);
      if (unit.ends || (line.length >= MAX_BLOCK && unit.raw[1].at(-1))) found.push([]);
    }
    return found.filter((line) => line.length);
  }

  const blockOf = (units) => ({
    units,
    box: el("div", { class: "gb-tk-line-of" }, ...units.map((unit) => unit.node)),
    list: el("div", { class: "gb-tk-line-of" }, ...units.flatMap((unit) => unit.ids)),
  });
  function remove(block) {
    block.box.remove();
    block.list.remove();
  }

  /** Tokens out of the model's sight are drawn without a border. */
  function dim(now) {
    if (!now && !unread) return;
    chips.forEach((chip, i) => chip.classList.toggle("gb-tk-unread", first + i < now));
    unread = now;
  }

  function show(whether) {
    if (marks === whether) return;
    marks = whether;
    const raw = blocks.flatMap((block) => block.units.map((unit) => unit.raw)),
      was = unread;
    patch({ fresh: true, new: table, ids: [0, 0, ids], first, units: [0, 0, raw], unread: was });
  }

  function stop(chip) {
    // one stop for the Tab key, then the arrows
    if (focusable) focusable.tabIndex = -1;
    focusable = chip;
    if (chip) chip.tabIndex = 0;
  }

  /** Light token i, its id, and fainter all that are the same. */
  function light(i) {
    for (const node of lit) node.classList.remove("gb-tk-on", "gb-tk-same");
    lit = [];
    if (i === null || !chips[i]) return;
    const id = ids[first + i];
    chips.forEach((chip, j) => {
      if (ids[first + j] !== id) return;
      for (const node of [chip, idNodes[j]]) {
        node.classList.add(j === i ? "gb-tk-on" : "gb-tk-same");
        lit.push(node);
      }
    });
    const at = idNodes[i].getBoundingClientRect(),
      frame = list.getBoundingClientRect();
    if (at.top < frame.top || at.bottom > frame.bottom) {
      // scrolled out of the list; the page stays put
      list.scrollTop += at.top - frame.top - frame.height / 2;
    }
  }

  /** What is known of token i of those drawn. */
  function facts(i) {
    const id = ids[first + i];
    let left = i;
    const unit = blocks.flatMap((block) => block.units).find(({ chips: own }) => (left -= own.length) < 0).raw;
    const times = ids.reduce((n, other) => n + (other === id), 0);
    return { id, token: table[id], whole: unit[2], note: unit[3], place: first + i, times };
  }

  const indexOf = (event) => {
    const node = event.target instanceof Element && event.target.closest("[data-token]");
    if (!node) return null;
    const i = (box.contains(node) ? chips : idNodes).indexOf(node);
    return i < 0 ? null : i;
  };

  // ---- pointing: hover shows, click pins, Escape and a click elsewhere let go ------------------------

  let pinned = null;
  function pin(i) {
    pinned = i;
    light(i);
    point(i, i !== null);
  }
  const hover = (i) => {
    if (pinned === null) {
      light(i);
      point(i, false);
    }
  };
  for (const part of [box, list]) {
    part.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") hover(indexOf(event));
    });
    part.addEventListener("pointerleave", () => hover(null));
    part.addEventListener("click", (event) => {
      const i = indexOf(event);
      pin(i === pinned ? null : i);
      if (part === box && pinned !== null) chips[i].scrollIntoView({ block: "nearest" }); // what is said of it may cover it
    });
  }
  box.addEventListener("focusin", (event) => {
    // by key: a finger's focus comes before its click, which decides
    const i = indexOf(event);
    if (i !== null && /** @type {Element} */ (event.target).matches(":focus-visible")) hover(i);
  });
  box.addEventListener("focusout", () => hover(null));
  box.addEventListener("keydown", (event) => {
    const i = indexOf(event);
    if (i === null) return;
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: chips.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") pin(i === pinned ? null : i);
    else if (to === undefined || !chips[to]) return;
    else {
      stop(chips[to]);
      if (pinned !== null) pin(null);
      chips[to].focus();
    }
    event.preventDefault();
  });

  /** Pin the next or the one before; whether there is one. */
  function step(by) {
    const to = pinned === null ? (by > 0 ? 0 : chips.length - 1) : pinned + by;
    if (!chips[to]) return false;
    pin(to);
    chips[to].scrollIntoView({ block: "nearest" });
    return true;
  }

  return { patch, show, facts, step, pin, ids: () => ids, table: () => table, pinned: () => pinned };
}

export { make as tokenFlow };
