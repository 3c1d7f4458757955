// The picture of a sweep: losses as dots on log axes, joined along each training, the floor, the law and its band.
import { dark } from "../shared/colour.js";
import { format } from "../shared/format.js";
import { inRoom } from "../shared/presenting.js";
import { bandOf, lossOf } from "./law.js";

/**
 * One loss of one training.
 * @typedef {object} Dot
 * @property {number} width
 * @property {number} seed
 * @property {number} learning_rate
 * @property {number[]} params by what is counted
 * @property {number} tokens
 * @property {number} flops
 * @property {number} loss
 * @property {boolean} last
 * @property {boolean} early whether the fit leaves it out
 * @property {string} ref
 * @property {number} seconds
 */

const SVG = "http://www.w3.org/2000/svg";
const SAMPLES = 60; // of a curve
const TITLES = { params: "parameters", tokens: "tokens read", flops: "floating-point operations" };

/** @param {string} tag @param {Record<string, string | number>} attributes @param {string} [text] */
function shape(tag, attributes, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.textContent = text;
  return node;
}

/** A colour for each width, smallest first: one ramp from violet to amber, readable on either ground. */
function shadeOf(widths, width) {
  const share = widths.length > 1 ? widths.indexOf(width) / (widths.length - 1) : 0;
  return `hsl(${Math.round(275 - 245 * share)} ${dark() ? 75 : 70}% ${dark() ? 68 : 40}%)`;
}

/** What is written at an axis: 1, 2 and 5 of each decade, or of few decades the ones alone. */
function ticks(low, high) {
  const steps = Math.log10(high / low) > 2.2 ? [1] : [1, 2, 5],
    found = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e += 1)
    for (const step of steps) if (step * 10 ** e >= low && step * 10 ** e <= high) found.push(step * 10 ** e);
  return found;
}
const short = (value) => {
  const units = ["", "k", "M", "G", "T", "P", "E"];
  let size = value;
  while (size >= 999.5 && units.length > 1) {
    size /= 1000;
    units.shift();
  }
  return `${format.number(size)}${units[0] && `\u2009${units[0]}`}`;
};

/**
 * Draw all of it, as large as the box.
 * @param {HTMLElement} box
 * @param {{ dots: Dot[], widths: number[], floor: number | null, across: "params" | "tokens" | "flops", count: number,
 *   law: { law: number[], others: number[][], predicted: { width: number, interval: number[] } | null } | null, at: number }} shown
 *   `at`: the dot that is looked at
 * @returns {{ x: number, y: number }[]} where each dot lies
 */
function drawChart(box, { dots, widths, floor, across, count, law, at }) {
  const room = inRoom(),
    font = room ? 20 : 12,
    width = box.clientWidth,
    height = box.clientHeight,
    left = room ? 72 : 48,
    foot = room ? 58 : 38,
    right = 12,
    top = 8;
  const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "font-size": font });
  svg.classList.add("gb-scaling-svg");
  const valueAcross = (dot) => (across === "params" ? dot.params[count] : dot[across]);
  const xs = dots.map(valueAcross),
    finite = dots.map((dot) => dot.loss).filter(Number.isFinite);
  const span = (values, room) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return [low / (high / low || 1) ** room / 1.02, high * (high / low || 1) ** room * 1.02];
  };
  const [x0, x1] = span(xs, 0.04),
    [y0, y1] = span(floor ? [...finite, floor] : finite, 0.04);
  const x = (v) => left + ((width - left - right) * Math.log(v / x0)) / Math.log(x1 / x0),
    y = (v) => top + ((height - top - foot) * Math.log(y1 / v)) / Math.log(y1 / y0);
  const put = (tag, attributes, name, text = "") => {
    const node = shape(tag, attributes, text);
    node.classList.add(name);
    svg.append(node);
    return node;
  };
  for (const v of ticks(x0, x1)) {
    put("line", { x1: x(v), x2: x(v), y1: top, y2: height - foot }, "gb-scaling-grid");
    put("text", { x: x(v), y: height - foot + font + 4, "text-anchor": "middle" }, "gb-scaling-words", short(v));
  }
  for (const v of ticks(y0, y1)) {
    put("line", { x1: left, x2: width - right, y1: y(v), y2: y(v) }, "gb-scaling-grid");
    put("text", { x: left - 6, y: y(v) + font / 3, "text-anchor": "end" }, "gb-scaling-words", format.number(v));
  }
  put("text", { x: width - right, y: height - 6, "text-anchor": "end" }, "gb-scaling-words", TITLES[across]);
  put("text", { x: left + 6, y: top + font }, "gb-scaling-words", "validation loss, nats a token");
  if (floor) {
    put("line", { x1: left, x2: width - right, y1: y(floor), y2: y(floor) }, "gb-scaling-floor");
    const says = `floor ${format.number(floor)}`;
    put("text", { x: width - right, y: y(floor) - 5, "text-anchor": "end" }, "gb-scaling-words", says);
  }
  if (law) drawLaw();

  function drawLaw() {
    const most = Math.max(...dots.map((dot) => dot.tokens)),
      sizes = widths.map((wide) => dots.find((dot) => dot.width === wide));
    // Against parameters one curve, at the end of the trainings; else one for each size, over the part that is fitted.
    const curves =
      across === "params"
        ? [{ points: between(Math.min(...xs), Math.max(...xs)).map((n) => [n, n, most]), ink: null }]
        : sizes.map((dot) => ({
            points: between(Math.min(...dots.filter(({ early }) => !early).map(({ tokens }) => tokens)), most).map(
              (d) => [across === "tokens" ? d : (d * dot.flops) / dot.tokens, dot.params[count], d],
            ),
            ink: shadeOf(widths, dot.width),
          }));
    for (const { points, ink } of curves) {
      const bands = points.map(([v, n, d]) => [v, ...bandOf(law.others, n, d)]),
        upper = bands.map(([v, , high]) => `${x(v)},${y(high)}`),
        lower = bands.map(([v, low]) => `${x(v)},${y(low)}`).reverse();
      const band = put("polygon", { points: [...upper, ...lower].join(" ") }, "gb-scaling-band"),
        line = points.map(([v, n, d]) => `${x(v)},${y(lossOf(law.law, n, d))}`).join(" "),
        curve = put("polyline", { points: line }, "gb-scaling-law");
      if (!ink) continue;
      band.style.fill = ink;
      curve.style.stroke = ink;
    }
  }

  const places = dots.map((dot, i) => ({ x: x(xs[i]), y: y(dot.loss) }));
  const trainings = new Map();
  dots.forEach((dot, i) => {
    if (!Number.isFinite(dot.loss)) return;
    const training = `${dot.width} ${dot.seed} ${dot.learning_rate}`;
    trainings.set(training, [...(trainings.get(training) ?? []), { dot, place: places[i] }]);
  });
  for (const one of trainings.values()) {
    const line = put(
      "polyline",
      { points: one.map(({ place }) => `${place.x},${place.y}`).join(" ") },
      "gb-scaling-way",
    );
    line.style.stroke = shadeOf(widths, one[0].dot.width);
  }
  if (across === "flops") drawFrontier();

  /** Through the losses that none reached with less compute. */
  function drawFrontier() {
    let best = Infinity;
    const better = (loss) => {
      const lower = loss < best;
      if (lower) best = loss;
      return lower;
    };
    const order = dots.map((_, i) => i).sort((i, j) => xs[i] - xs[j] || dots[i].loss - dots[j].loss),
      least = order.filter((i) => better(dots[i].loss));
    put("polyline", { points: least.map((i) => `${places[i].x},${places[i].y}`).join(" ") }, "gb-scaling-frontier");
  }
  dots.forEach((dot, i) => {
    if (!Number.isFinite(dot.loss)) return;
    const large = (dot.last ? 5 : 2.6) * (room ? 1.6 : 1),
      node = put("circle", { cx: places[i].x, cy: places[i].y, r: large }, "gb-scaling-dot");
    node.style.fill = dot.early ? "none" : shadeOf(widths, dot.width);
    node.style.stroke = shadeOf(widths, dot.width);
  });
  if (law?.predicted) drawPrediction();

  /** What all other sizes said of the largest: a diamond in its interval. */
  function drawPrediction() {
    const { width: wide, interval } = law.predicted,
      end = dots.findIndex((dot) => dot.width === wide && dot.last),
      side = room ? 9 : 6;
    if (end < 0) return;
    const [value, low, high] = interval.map(y),
      here = places[end].x;
    put("line", { x1: here, x2: here, y1: low, y2: high }, "gb-scaling-predicted");
    const corners = [
      [0, -side],
      [side, 0],
      [0, side],
      [-side, 0],
    ].map(([dx, dy]) => `${here + dx},${value + dy}`);
    put("polygon", { points: corners.join(" ") }, "gb-scaling-predicted");
    const words = { x: here + side, y: Math.max(low, places[end].y) + side + font + 4, "text-anchor": "end" };
    put("text", words, "gb-scaling-words", `predicted ${interval[0].toFixed(2)}`);
  }
  if (at >= 0) put("circle", { cx: places[at].x, cy: places[at].y, r: room ? 14 : 9 }, "gb-scaling-at");
  box.replaceChildren(svg);
  return places;
}

/** Numbers from one to another, evenly apart on a log axis. */
function between(low, high) {
  return Array.from({ length: SAMPLES }, (_, i) => low * (high / low) ** (i / (SAMPLES - 1)));
}

export { drawChart, shadeOf, shape, short };
