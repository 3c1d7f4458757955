// The bars of the next token: what the model says (ghost), what is drawn from (solid), what a filter
// took away (hatched), and where each filter cuts. One row a token, the most likely first.
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { calm } from "../shared/motion.js";
import * as sampler from "../shared/sampler.js";
import { tip } from "../shared/tooltip.js";
import { arithmetic, stepName } from "./arithmetic.js";
import { exactly, explainOn } from "./explaining.js";

const MOST = 50,
  USUAL = 20, // rows on a page that scrolls
  ROW = 21; // the least height of a row, in CSS pixels at scale 1
const AXIS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
const legend = (look, words) => el("span", {}, el("i", { class: `gb-odds-swatch ${look}` }), words);

/** Ids, the most likely after the settings first; greedy puts its one choice on top. */
export const leaders = (result, count) => {
  const ids = Array.from(result.order.subarray(-count)).reverse();
  const greedy = result.steps.some((step) => step.greedy);
  if (!greedy) return ids;
  const best = result.final.indexOf(1);
  return [best, ...ids.filter((id) => id !== best)].slice(0, count);
};

/** The last rank that each cutting filter keeps, where it removes anything: [{ rank, words }]. */
export const cutsOf = (result) => {
  const { order, removed, steps } = result,
    found = [],
    { codeOf, cutsBy, ORDER } = sampler;
  const gone = new Uint8Array(ORDER.length + 1); // 1 for what the steps so far have removed
  let kept = result.possible,
    at = 0; // of the order, the first from below that is still there
  steps.forEach((step) => {
    gone[codeOf(step.name)] = 1;
    const fewer = step.kept < kept;
    kept = step.kept;
    if (!cutsBy(step.name) || !fewer) return;
    while (at < order.length && (gone[removed[order[at]]] || result.shaped[order[at]] === -Infinity)) at += 1;
    found.push({ by: cutsBy(step.name), rank: order.length - at, words: stepName(step.name, step.value), step });
  });
  return found;
};

/** What is said of a token beneath the picture: oddsOf(view, id). */
const oddsOf = ({ own, result, label }, id) => {
  const gone = result.removed[id] !== sampler.KEPT;
  return `${label(id)}: ${exactly(own[id])} in the model, ${gone ? "removed by a filter" : `${exactly(result.final[id])} after your settings`}`;
};
/**
 * The picture in `box`, as many rows as its height has room for. A view with `taken` marks the token that came.
 * @param {HTMLElement} box
 * @param {(id: number) => void} onForce runs when a person picks a token
 * @param {{ act?: string, point?: (words: string) => void }} more what picking does; who hears what is pointed at, or ""
 */
export const oddsBars = (box, onForce, { act = "write it", point = () => {} } = {}) => {
  let view = null; // { own, logits, result, label }
  let count = USUAL,
    pointed = -1; // the row that the arrows lead to
  const ticks = [0, 0.5, 1].map(() => el("span"));
  const rows = [];
  const list = el("ol", { class: "gb-odds", "aria-label": "The most likely next tokens" });
  const beyond = el("p", { class: "gb-small gb-soft gb-beyond" });
  const empty = el(
    "p",
    { class: "gb-empty" },
    "The bars of the next token appear here as soon as there is a prompt that the model can read.",
  );
  const head = (words, title) => el("span", { title }, words);
  const picture = el(
    "div",
    { class: "gb-odds-picture", hidden: true },
    el(
      "div",
      { class: "gb-odds-head gb-small gb-soft", "aria-hidden": "true" },
      el("span", {}, "token"),
      el("span", {}, "id"),
      head("logit", "What the model says, before anything is done to it"),
      el("span", { class: "gb-axis" }, ...ticks),
      head("model", "The model's own probability"),
      head("final", "The probability it is drawn with"),
      head("sum", "The final probability of this and all rows above"),
    ),
    list,
    beyond,
    el(
      "p",
      { class: "gb-legend gb-odds-legend" },
      legend("gb-ghost", "the model's own"),
      legend("gb-solid", "after your settings"),
      legend("gb-hatch", "removed by a filter"),
    ),
  );
  box.append(empty, picture);
  new ResizeObserver(fit).observe(list);

  /** So many rows as have room. A phone's page scrolls instead. */
  function fit() {
    const high = list.clientHeight,
      narrow = matchMedia("(max-width: 900px)").matches;
    if (!high) return;
    const least = ROW * (parseFloat(color("--gb-scale")) || 1);
    const room = narrow ? USUAL : Math.min(MOST, Math.max(3, Math.floor(high / least)));
    list.style.setProperty("--gb-odds-row", narrow ? "30px" : `${high / room}px`);
    if (room === count) return;
    count = room;
    if (view) draw(view);
  }

  function makeRow(i) {
    const cell = (look) => el("span", { class: `gb-mono ${look}` });
    const part = {
      token: cell("gb-odds-token"),
      id: cell("gb-soft"),
      logit: cell("gb-soft"),
      own: cell("gb-soft"),
      final: cell(""),
      held: cell("gb-soft"),
      ghost: el("i", { class: "gb-ghost" }),
      solid: el("i", { class: "gb-solid" }),
    };
    part.button = el(
      "button",
      { type: "button", tabindex: i ? -1 : 0 },
      part.token,
      part.id,
      part.logit,
      el("span", { class: "gb-bars" }, part.ghost, part.solid),
      part.own,
      part.final,
      part.held,
    );
    part.item = el("li", {}, part.button);
    list.append(part.item);
    return part;
  }

  const share = (p, most) => `translateX(${(100 * Math.min(1, p / most) - 100).toFixed(3)}%)`;
  const percent = (p) => (p >= 0.9995 && p < 1 ? "> 99.9 %" : format.probability(p));

  function draw(now) {
    if (now.logits !== view?.logits) pointAt(-1);
    view = now;
    empty.hidden = true;
    picture.hidden = false;
    const { own, logits, result, label } = view,
      ids = leaders(result, count);
    while (rows.length < count) rows.push(makeRow(rows.length));
    const top = ids.reduce((most, id) => Math.max(most, own[id], result.final[id]), 0);
    const most = AXIS.find((limit) => limit >= top * 0.999) ?? 1;
    ticks.forEach((tick, i) => {
      tick.textContent = i ? `${Number((50 * i * most).toPrecision(2))} %` : "0";
    });
    let held = 0;
    rows.forEach((row, i) => {
      row.item.hidden = i >= ids.length;
      if (row.item.hidden) return;
      const id = ids[i],
        p = result.final[id],
        removed = result.removed[id] !== sampler.KEPT;
      held += p;
      Object.assign(row.button.dataset, { token: id, own: own[id], final: p });
      row.item.classList.toggle("gb-removed", removed);
      row.item.classList.toggle("gb-taken", id === view.taken);
      row.token.textContent = label(id);
      row.id.textContent = id;
      row.logit.textContent = logits[id].toFixed(2).replace("-", "−");
      row.own.textContent = format.probability(own[id]);
      row.final.textContent = removed ? "–" : format.probability(p);
      row.held.textContent = removed ? "" : percent(held);
      row.ghost.style.transform = share(own[id], most);
      row.solid.style.transform = share(p, most);
      row.button.setAttribute(
        "aria-label",
        `${label(id)}, id ${id}, model ${format.probability(own[id])}, ` +
          (removed ? `removed by ${reason(result.removed[id])}` : `final ${format.probability(p)}`),
      );
    });
    drawCuts();
  }

  function reason(code) {
    const step = view.result.steps.find(({ name }) => sampler.codeOf(name) === code);
    return step ? stepName(step.name, step.value) : "the model itself";
  }

  /** A dashed line under the last token that each filter keeps. */
  function drawCuts() {
    const cuts = new Map();
    for (const { rank, words } of cutsOf(view.result)) cuts.set(rank, [...(cuts.get(rank) ?? []), words]);
    rows.forEach((row, i) => {
      const cut = i < count && cuts.get(i + 1);
      row.item.classList.toggle("gb-cut", Boolean(cut));
      if (cut) row.item.dataset.cut = cut.join(", ");
      else delete row.item.dataset.cut;
    });
    beyond.textContent = [...cuts]
      .filter(([rank]) => rank > count)
      .map(([rank, names]) => `${names.join(", ")} cuts after rank ${format.whole(rank)}, below this list.`)
      .join(" ");
  }

  function explain(button) {
    const lines = arithmetic(view, Number(button.dataset.token));
    lines.push(`${matchMedia("(hover: none)").matches ? "Tap again" : "Click"} to ${act}.`);
    return lines.map((line, i) => el("span", { class: i ? "gb-math" : "gb-mono" }, line));
  }

  const beside = explainOn(list, "button", explain, (button) =>
    point(button ? oddsOf(view, Number(button.dataset.token)) : ""),
  );
  function pointAt(next) {
    rows[pointed]?.item.classList.remove("gb-pointed");
    pointed = next;
    rows[pointed]?.item.classList.add("gb-pointed");
  }
  let tapped = null; // a first tap explains, a second one on the same row picks
  list.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("button");
    if (!button) return;
    if (event.pointerType === "touch" && tapped !== button.dataset.token) {
      tapped = button.dataset.token;
      beside(button);
      return;
    }
    tapped = null;
    tip.hide();
    onForce(Number(button.dataset.token));
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = rows.findIndex((row) => row.button === document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    const next = rows[Math.min(count - 1, Math.max(0, at + step))];
    rows.forEach((row) => {
      row.button.tabIndex = row === next ? 0 : -1;
    });
    next.button.focus();
  });

  return {
    draw,
    view: () => view,
    /** Lead to the row so many further down, and say its numbers. */
    lead(by) {
      if (!view) return;
      pointAt(Math.min(Math.min(count, view.own.length) - 1, Math.max(0, pointed + by)));
      point(oddsOf(view, Number(rows[pointed].button.dataset.token)));
    },
    /** The token that was led to is picked. */
    pick() {
      if (pointed >= 0) onForce(Number(rows[pointed].button.dataset.token));
    },
    /** Nothing to show: say what will appear. */
    clear() {
      view = null;
      empty.hidden = false;
      picture.hidden = true;
    },
    /** Light up the token that was drawn, for as long as it takes to see; a hurried person ends it. */
    choose(id, hurried) {
      const row = rows.find((r) => Number(r.button.dataset.token) === id);
      if (!row || calm()) return Promise.resolve();
      row.item.classList.add("gb-drawn");
      const shown = new Promise((done) => {
        const timer = setTimeout(done, 260);
        hurried(() => {
          clearTimeout(timer);
          done(undefined);
        });
      });
      return shown.finally(() => row.item.classList.remove("gb-drawn"));
    },
  };
};
