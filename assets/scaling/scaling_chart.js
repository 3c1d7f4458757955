// The picture of a sweep: losses as dots on log axes, joined along each training, the floor, the law and its band.
import { dark } from "../shared/colour.js";
import { format } from "../shared/format.js";
import { between, diamond, logAxes } from "./axes.js";
import { bandOf, lossOf } from "./law.js";

/**
 * One loss of one training.
 * @typedef {object} Dot
 * @property {string} point its training
 * @property {string} title of its training
 * @property {number} step
 * @property {number} width
 * @property {number} seed
 * @property {number} learning_rate
 * @property {number[]} params by what is counted
 * @property {number} tokens
 * @property {number} flops
 * @property {number} loss
 * @property {boolean} last
 * @property {boolean} early whether the fit leaves it out
 * @property {string} ref of its model, where that is here
 * @property {number} seconds
 */

const TITLES = { params: "parameters", tokens: "tokens read", flops: "floating-point operations" };

/** A colour for each width, smallest first: one ramp from violet to amber, readable on either ground. */
function shadeOf(widths, width) {
  const share = widths.length > 1 ? widths.indexOf(width) / (widths.length - 1) : 0;
  return `hsl(${Math.round(275 - 245 * share)} ${dark() ? 75 : 70}% ${dark() ? 68 : 40}%)`;
}

/**
 * Draw all of it, as large as the box.
 * @param {HTMLElement} box
 * @param {{ dots: Dot[], widths: number[], floor: number | null, across: "params" | "tokens" | "flops", count: number,
 *   law: { law: number[], others: number[][], predicted: { width: number, interval: number[] } | null } | null, at: number }} shown
 *   `at`: the dot that is looked at
 * @returns {{ x: number, y: number }[]} where each dot lies
 */
function drawChart(box, { dots, widths, floor, across, count, law, at }) {
  const valueAcross = (dot) => (across === "params" ? dot.params[count] : dot[across]),
    xs = dots.map(valueAcross),
    finite = dots.map((dot) => dot.loss).filter(Number.isFinite);
  const { svg, put, x, y, room, font, left, edge } = logAxes(box, {
    xs,
    ys: floor ? [...finite, floor] : finite,
    across: TITLES[across],
    up: "validation loss, nats a token",
  });
  if (floor) {
    put("line", { x1: left, x2: edge, y1: y(floor), y2: y(floor) }, "gb-scaling-floor");
    const says = `floor ${format.number(floor)}`;
    put("text", { x: edge, y: y(floor) - 5, "text-anchor": "end" }, "gb-scaling-words", says);
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
    put("polygon", { points: diamond(here, value, side) }, "gb-scaling-predicted");
    const words = { x: here + side, y: Math.max(low, places[end].y) + side + font + 4, "text-anchor": "end" };
    put("text", words, "gb-scaling-words", `predicted ${interval[0].toFixed(2)}`);
  }
  if (at >= 0) put("circle", { cx: places[at].x, cy: places[at].y, r: room ? 14 : 9 }, "gb-scaling-at");
  box.replaceChildren(svg);
  return places;
}

export { drawChart, shadeOf };
