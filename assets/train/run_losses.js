// The picture beneath the table of runs: how the validation loss of each fell, the one spoken of in front.
import { format } from "../shared/format.js";
import { inRoom } from "../shared/presenting.js";

const SVG = "http://www.w3.org/2000/svg";
const LINES = 4; // of the grid, at most

/** @param {string} tag @param {Record<string, string | number>} attributes @param {string} [text] */
function shape(tag, attributes, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.textContent = text;
  return node;
}

/** Round numbers between two: at most so many. */
function ticks(low, high, most) {
  const rough = (high - low) / most,
    power = 10 ** Math.floor(Math.log10(rough)),
    step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/**
 * Draw them as large as the box; nothing where no run was evaluated twice.
 * @param {HTMLElement} box
 * @param {{ id: string, loss: [number, number][] }[]} curves steps and losses
 * @param {string | undefined} told the run in front
 */
export function drawLosses(box, curves, told) {
  const drawn = curves
    .map(({ id, loss }) => ({ id, points: loss.filter(([, value]) => Number.isFinite(value)) }))
    .filter(({ points }) => points.length > 1);
  box.hidden = drawn.length === 0;
  if (!drawn.length) return;
  const font = inRoom() ? 20 : 12,
    left = 3.6 * font,
    foot = 2 * font,
    top = 1.8 * font,
    right = 4 * font,
    { clientWidth: width, clientHeight: height } = box;
  if (!width) return;
  const all = drawn.flatMap(({ points }) => points),
    last = Math.max(...all.map(([step]) => step)),
    values = all.map(([, value]) => value),
    margin = 0.05 * (Math.max(...values) - Math.min(...values)) || 0.1,
    [low, high] = [Math.min(...values) - margin, Math.max(...values) + margin];
  const x = (step) => left + ((width - left - right) * step) / last,
    y = (value) => top + ((height - top - foot) * (high - value)) / (high - low);
  const svg = shape("svg", { width, height, "font-size": font, role: "img" });
  svg.setAttribute(
    "aria-label",
    `Validation loss of ${drawn.length === 1 ? "one run" : `${drawn.length} runs`} by step`,
  );
  const put = (tag, attributes, kind, text = "") => svg.append(shape(tag, { ...attributes, class: kind }, text));
  put("text", { x: left, y: font }, "gb-run-loss-words", "validation loss, nats a token");
  for (const value of ticks(low, high, LINES)) {
    put("line", { x1: left, x2: width - right, y1: y(value), y2: y(value) }, "gb-run-loss-grid");
    const words = { x: left - 8, y: y(value) + font / 3, "text-anchor": "end" };
    put("text", words, "gb-run-loss-words", format.number(value));
  }
  put("text", { x: left, y: height - font / 2 }, "gb-run-loss-words", "step 0");
  const end = { x: width - right, y: height - font / 2, "text-anchor": "end" };
  put("text", end, "gb-run-loss-words", format.whole(last));
  const front = drawn.find(({ id }) => id === told);
  for (const one of [...drawn.filter((other) => other !== front), ...(front ? [front] : [])]) {
    const points = one.points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    put("polyline", { points }, one === front ? "gb-run-loss gb-run-loss-front" : "gb-run-loss");
  }
  if (front) {
    const [step, value] = front.points[front.points.length - 1];
    put("text", { x: x(step) + 6, y: y(value) + font / 3 }, "gb-run-loss-now", format.number(value));
  }
  box.replaceChildren(svg);
}
