// The two pictures of a grokking: answers along the training, and the waves in the embedding at one moment.
import { format } from "../shared/format.js";
import { inRoom } from "../shared/presenting.js";
import { shape, short } from "./axes.js";

/**
 * @typedef {object} Moment
 * @property {number} step
 * @property {{ accuracy: number, loss: number }} shown of sums that training shows
 * @property {{ accuracy: number, loss: number }} held_out of those it never shows
 * @property {number[]} norms how much of each wave: frequencies 1, 2, ...
 */

const SHARE = 0.9; // of the power that the marked waves hold
const TOP = 8,
  RIGHT = 14;

/** An empty SVG as large as its box, and a function that puts shapes into it. */
function sheet(box) {
  const font = inRoom() ? 20 : 12,
    width = box.clientWidth,
    height = box.clientHeight;
  const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "font-size": font });
  svg.classList.add("gb-scaling-svg");
  box.replaceChildren(svg);
  const put = (tag, attributes, name, text = "") => {
    const node = shape(tag, attributes, text);
    node.classList.add(name);
    svg.append(node);
    return node;
  };
  return { put, font, width, height, left: inRoom() ? 78 : 50, foot: inRoom() ? 56 : 36 };
}

/** Numbers for an axis from 0 on, about `count` of them: 1, 2 or 5 times a power of ten apart. */
function even(most, count) {
  const rough = most / count,
    ten = 10 ** Math.floor(Math.log10(rough)),
    apart = ten * ([1, 2, 5].find((n) => n * ten >= rough) ?? 10);
  return Array.from({ length: Math.floor(most / apart) + 1 }, (_, i) => i * apart);
}

/**
 * @param {HTMLElement} box
 * @param {Moment[]} moments
 * @param {"accuracy" | "loss"} what
 * @param {number} at the moment that is looked at
 * @param {(number | null)[]} between the steps from which it knows by heart, and from which it understands
 * @returns {(x: number) => number} which moment lies nearest to a place across
 */
function drawCurves(box, moments, what, at, between) {
  const { put, font, width, height, left, foot } = sheet(box),
    last = Math.max(1, moments.at(-1).step),
    losses = moments.flatMap(({ shown, held_out }) => [shown.loss, held_out.loss]).filter((loss) => loss > 0),
    [low, high] = [Math.min(...losses) / 1.3, Math.max(...losses) * 1.3];
  const x = (step) => left + ((width - left - RIGHT) * step) / last,
    share = (value) =>
      what === "accuracy" ? (1.02 - value) / 1.04 : Math.log(high / Math.max(low, value)) / Math.log(high / low),
    y = (value) => TOP + (height - TOP - foot) * share(value);
  /** @type {[number, string][]} */
  const marks =
    what === "accuracy"
      ? [0, 0.25, 0.5, 0.75, 1].map((value) => [value, `${100 * value} %`])
      : decades(low, high).map((value) => [value, format.number(value)]);
  for (const step of even(last, width > 600 ? 8 : 4)) {
    put("line", { x1: x(step), x2: x(step), y1: TOP, y2: height - foot }, "gb-scaling-grid");
    const anchor = step === 0 ? "start" : "middle";
    put("text", { x: x(step), y: height - foot + font + 4, "text-anchor": anchor }, "gb-scaling-words", short(step));
  }
  for (const [value, words] of marks) {
    put("line", { x1: left, x2: width - RIGHT, y1: y(value), y2: y(value) }, "gb-scaling-grid");
    put("text", { x: left - 6, y: y(value) + font / 3, "text-anchor": "end" }, "gb-scaling-words", words);
  }
  put("text", { x: width - RIGHT, y: height - 4, "text-anchor": "end" }, "gb-scaling-words", "steps");
  const [heart, understood] = between;
  if (heart !== null) {
    const end = understood ?? last;
    put(
      "rect",
      { x: x(heart), width: Math.max(0, x(end) - x(heart)), y: TOP, height: height - TOP - foot },
      "gb-grokking-between",
    );
  }
  for (const [part, name] of [
    ["held_out", "gb-grokking-held"],
    ["shown", "gb-grokking-shown"],
  ])
    put("polyline", { points: moments.map((one) => `${x(one.step)},${y(one[part][what])}`).join(" ") }, name);
  const here = moments[at];
  put("line", { x1: x(here.step), x2: x(here.step), y1: TOP, y2: height - foot }, "gb-grokking-at");
  for (const part of ["shown", "held_out"])
    put("circle", { cx: x(here.step), cy: y(here[part][what]), r: inRoom() ? 8 : 5 }, "gb-grokking-dot");
  return (across) =>
    moments.reduce(
      (best, { step }, i) => (Math.abs(x(step) - across) < Math.abs(x(moments[best].step) - across) ? i : best),
      0,
    );
}

const decades = (low, high) =>
  Array.from({ length: 12 }, (_, i) => 10 ** (i - 8)).filter((value) => value >= low && value <= high);

/**
 * @param {HTMLElement} box
 * @param {Moment[]} moments all of them, for one scale
 * @param {number} at
 * @returns {(x: number) => number} which wave lies at a place across, from 0; -1 beside them
 */
function drawWaves(box, moments, at) {
  const { put, font, width, height, left, foot } = sheet(box),
    { norms } = moments[at],
    most = Math.max(...moments.flatMap((one) => one.norms)),
    wide = (width - left - RIGHT) / norms.length,
    few = new Set(fewest(norms));
  const y = (value) => TOP + (height - TOP - foot) * (1 - value / most);
  for (const value of even(most, 4)) {
    put("line", { x1: left, x2: width - RIGHT, y1: y(value), y2: y(value) }, "gb-scaling-grid");
    const words = format.number(Number(value.toPrecision(3)));
    put("text", { x: left - 6, y: y(value) + font / 3, "text-anchor": "end" }, "gb-scaling-words", words);
  }
  norms.forEach((norm, i) => {
    const tall = Math.max(1, y(0) - y(norm)),
      place = { x: left + (i + 0.15) * wide, width: 0.7 * wide, y: y(0) - tall, height: tall };
    put("rect", place, few.has(i) ? "gb-grokking-few" : "gb-grokking-wave").dataset.frequency = String(i + 1);
  });
  const apart = Math.max(1, Math.ceil((3 * font) / wide / 5)) * 5;
  for (let i = 0; i < norms.length; i += i === 0 ? apart - 1 : apart)
    put(
      "text",
      { x: left + (i + 0.5) * wide, y: height - foot + font + 4, "text-anchor": "middle" },
      "gb-scaling-words",
      String(i + 1),
    );
  put(
    "text",
    { x: width - RIGHT, y: height - 4, "text-anchor": "end" },
    "gb-scaling-words",
    "frequency: turns from 0 round to 0",
  );
  return (across) => {
    const i = Math.floor((across - left) / wide);
    return i >= 0 && i < norms.length ? i : -1;
  };
}

/** The strongest waves that together hold SHARE of the power, from 0. */
function fewest(norms) {
  const order = norms.map((_, i) => i).sort((i, j) => norms[j] - norms[i]),
    total = norms.reduce((sum, norm) => sum + norm * norm, 0);
  let sum = 0;
  const end = order.findIndex((i) => (sum += norms[i] * norms[i]) >= SHARE * total);
  return order.slice(0, end + 1);
}

export { drawCurves, drawWaves, fewest };
