// Log axes: what every picture of a sweep is drawn on.
import { format } from "../shared/format.js";
import { inRoom } from "../shared/presenting.js";

const SVG = "http://www.w3.org/2000/svg";
const SAMPLES = 60; // of a curve
const ROOM = 0.04; // of the span, left free at either end

/** @param {string} tag @param {Record<string, string | number>} attributes @param {string} [text] */
function shape(tag, attributes, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.textContent = text;
  return node;
}

const STEPS = [[1, 1.5, 2, 3, 4, 5, 7], [1, 2, 5], [1]]; // of a decade, the fewest last

/** What is written at an axis: as much of each decade as makes at most so many. */
function ticks(low, high, most) {
  const steps = STEPS.find(({ length }) => length * Math.log10(high / low) <= most) ?? STEPS.at(-1),
    found = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e += 1)
    for (const step of steps) if (step * 10 ** e >= low && step * 10 ** e <= high) found.push(step * 10 ** e);
  return found;
}

/** A number in a few letters: 1.3 M. */
const short = (value) => {
  const units = ["", "k", "M", "G", "T", "P", "E"];
  let size = value;
  while (size >= 999.5 && units.length > 1) {
    size /= 1000;
    units.shift();
  }
  return `${format.number(size)}${units[0] && `\u2009${units[0]}`}`;
};

/** Numbers from one to another, evenly apart on a log axis. */
function between(low, high) {
  return Array.from({ length: SAMPLES }, (_, i) => low * (high / low) ** (i / (SAMPLES - 1)));
}

function span(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return [low / (high / low || 1) ** ROOM / 1.02, high * (high / low || 1) ** ROOM * 1.02];
}

/**
 * An empty picture with log axes, as large as the box.
 * @param {HTMLElement} box
 * @param {{ xs: number[], ys: number[], across: string, up: string, say?: (value: number) => string }} of the values
 *   that it has to hold, what the axes are called, and how a number at the one that goes up is written
 */
function logAxes(box, { xs, ys, across, up, say = format.number }) {
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
  const [x0, x1] = span(xs),
    [y0, y1] = span(ys);
  const x = (v) => left + ((width - left - right) * Math.log(v / x0)) / Math.log(x1 / x0),
    y = (v) => top + ((height - top - foot) * Math.log(y1 / v)) / Math.log(y1 / y0);
  /** @param {string} tag @param {Record<string, string | number>} attributes @param {string} name @param {string} [text] */
  const put = (tag, attributes, name, text = "") => {
    const node = shape(tag, attributes, text);
    node.classList.add(name);
    svg.append(node);
    return node;
  };
  for (const v of ticks(x0, x1, (width - left) / (font * 7))) {
    put("line", { x1: x(v), x2: x(v), y1: top, y2: height - foot }, "gb-scaling-grid");
    put("text", { x: x(v), y: height - foot + font + 4, "text-anchor": "middle" }, "gb-scaling-words", short(v));
  }
  for (const v of ticks(y0, y1, (height - foot) / (font * 4))) {
    put("line", { x1: left, x2: width - right, y1: y(v), y2: y(v) }, "gb-scaling-grid");
    put("text", { x: left - 6, y: y(v) + font / 3, "text-anchor": "end" }, "gb-scaling-words", say(v));
  }
  put("text", { x: width - right, y: height - 6, "text-anchor": "end" }, "gb-scaling-words", across);
  put("text", { x: left + 6, y: top + font }, "gb-scaling-words", up);
  return { svg, put, x, y, room, font, left, edge: width - right };
}

/** A diamond around a place: what a law or a parabola says. */
const diamond = (x, y, side) => `${x},${y - side} ${x + side},${y} ${x},${y + side} ${x - side},${y}`;

export { between, diamond, logAxes, shape, short };
