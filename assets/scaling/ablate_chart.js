// The picture of an ablation: the full model's loss along its training, the changed one's beside it, all others pale.
import { format } from "../shared/format.js";
import { inRoom } from "../shared/presenting.js";
import { shape } from "./axes.js";

/**
 * One training.
 * @typedef {object} Curve
 * @property {string} name
 * @property {number} seed
 * @property {boolean} mine
 * @property {string} ref
 * @property {number[]} steps
 * @property {number[]} losses
 */

const ROOM_ABOVE = 1.04; // of the highest loss
const RISES = [0.1, 0.2, 0.5, 1, 2, 5]; // apart from one another are the numbers at the axis

/** Numbers between two others, evenly apart, at most so many. */
function even(low, high, most) {
  const apart = RISES.find((one) => (high - low) / one <= most) ?? high - low,
    first = Math.ceil(low / apart);
  return Array.from({ length: Math.floor(high / apart) - first + 1 }, (_, i) =>
    Number(((first + i) * apart).toFixed(6)),
  );
}

/** The mean of some curves at each step that all of them have. */
function meanOf(curves) {
  const steps = curves[0]?.steps.filter((step) => curves.every((curve) => curve.steps.includes(step))) ?? [];
  const losses = steps.map((step) => {
    const each = curves.map((curve) => curve.losses[curve.steps.indexOf(step)]);
    return each.reduce((sum, loss) => sum + loss, 0) / each.length;
  });
  return { steps, losses };
}

/**
 * Draw it as large as the box.
 * @param {HTMLElement} box
 * @param {{ curves: Curve[], chosen: string, titles: Map<string, string>, floor: number | null, log: boolean, at: number | null }} shown
 *   `at`: the step that is looked at
 * @returns {{ stepAt: (x: number) => number }} which step lies there
 */
function drawAblation(box, { curves, chosen, titles, floor, log, at }) {
  const room = inRoom(),
    font = room ? 20 : 12,
    width = box.clientWidth,
    height = box.clientHeight,
    left = room ? 64 : 40,
    foot = room ? 58 : 38,
    right = 12,
    top = 8;
  const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "font-size": font });
  svg.classList.add("gb-scaling-svg");
  const put = (tag, attributes, names, text = "") => {
    const node = shape(tag, attributes, text);
    node.classList.add(...names.split(" "));
    svg.append(node);
    return node;
  };
  const finite = curves.flatMap(({ losses }) => losses).filter((loss) => Number.isFinite(loss)),
    high = Math.max(...finite) * ROOM_ABOVE,
    low = (floor ?? Math.min(...finite)) / ROOM_ABOVE,
    most = Math.max(...curves.flatMap(({ steps }) => steps)),
    scaled = log ? Math.log : (v) => v;
  const x = (step) => left + ((width - left - right) * step) / most,
    y = (v) => top + ((height - top - foot) * (scaled(high) - scaled(v))) / (scaled(high) - scaled(low));

  for (const step of even(0, most / 100, 5).map((hundreds) => hundreds * 100)) {
    put("line", { x1: x(step), x2: x(step), y1: top, y2: height - foot }, "gb-scaling-grid");
    const anchor = x(step) > width - right - font ? "end" : "middle";
    put("text", { x: x(step), y: height - foot + font + 4, "text-anchor": anchor }, "gb-scaling-words", String(step));
  }
  for (const v of even(low, high, room ? 6 : 9)) {
    put("line", { x1: left, x2: width - right, y1: y(v), y2: y(v) }, "gb-scaling-grid");
    put("text", { x: left - 6, y: y(v) + font / 3, "text-anchor": "end" }, "gb-scaling-words", format.number(v));
  }
  put("text", { x: width - right, y: height - 6, "text-anchor": "end" }, "gb-scaling-words", "steps");
  const up = { x: width - right, y: top + font, "text-anchor": "end" };
  put("text", up, "gb-scaling-words", "validation loss, nats a token");
  if (floor !== null) {
    put("line", { x1: left, x2: width - right, y1: y(floor), y2: y(floor) }, "gb-scaling-floor");
    const says = `floor ${format.number(floor)}`;
    put("text", { x: left + 6, y: y(floor) - 5 }, "gb-scaling-words", says);
  }

  const kind = (name) =>
    name === chosen ? "gb-ablate-changed" : name === "full" ? "gb-ablate-full" : "gb-ablate-other";
  const order = [...curves].sort((a, b) => rank(a.name) - rank(b.name));
  function rank(name) {
    return name === chosen ? 2 : name === "full" ? 1 : 0;
  }
  for (const curve of order) {
    if (curve.mine && rank(curve.name) === 0) continue;
    const points = curve.steps
      .map((step, i) => [step, curve.losses[i]])
      .filter(([, loss]) => Number.isFinite(loss))
      .map(([step, loss]) => `${x(step)},${y(loss)}`);
    put(
      "polyline",
      { points: points.join(" ") },
      `gb-ablate-curve ${kind(curve.name)}${curve.mine ? " gb-ablate-mine" : ""}`,
    );
  }

  // Each of the two is named at its end; the lower one below its line.
  const ends = ["full", chosen]
    .map((name) => ({ name, ...meanOf(curves.filter((curve) => curve.name === name && !curve.mine)) }))
    .filter(({ losses }) => losses.length);
  ends.sort((a, b) => (b.losses.at(-1) ?? 0) - (a.losses.at(-1) ?? 0));
  ends.forEach(({ name, losses, steps }, i) => {
    const shift = i === 0 && ends.length > 1 ? -font * 0.8 : font * 1.5;
    const place = { x: x(steps.at(-1) ?? 0), y: y(losses.at(-1) ?? 0) + shift, "text-anchor": "end" };
    put("text", place, `gb-ablate-name ${kind(name)}`, titles.get(name));
  });

  if (at !== null) {
    put("line", { x1: x(at), x2: x(at), y1: top, y2: height - foot }, "gb-ablate-at");
    for (const { name, steps, losses } of ends) {
      const i = steps.indexOf(at);
      if (i >= 0) put("circle", { cx: x(at), cy: y(losses[i]), r: room ? 8 : 5 }, `gb-ablate-dot ${kind(name)}`);
    }
  }
  box.replaceChildren(svg);
  return { stepAt: (place) => ((place - left) / (width - left - right)) * most };
}

export { drawAblation, meanOf };
