// Two pictures of budgets: the loss of each size with a parabola through it, and the best size against compute.
import { between, diamond, logAxes, short } from "./axes.js";
import { shadeOf } from "./scaling_chart.js";

/**
 * One budget, as Python weighs it.
 * @typedef {object} Budget
 * @property {number} flops
 * @property {{ width: number, params: number, tokens: number, loss: number }[]} reached
 * @property {{ params: number, tokens: number, loss: number, bend: number, between: number[] } | null} lowest
 * @property {string} why_not
 */

const inkOf = (budgets, i) =>
  shadeOf(
    budgets.map((_, k) => k),
    i,
  );
const faint = (nodes, yes) => {
  for (const node of nodes) if (yes) node.dataset.faint = "";
};

/**
 * The loss of every size at every budget, and the parabola where it has a lowest point.
 * @param {HTMLElement} box
 * @param {Budget[]} budgets
 * @param {number} at the one that is looked at, or -1
 * @returns {{ x: number, y: number, budget: number, size: number }[]} where each dot lies
 */
function drawParabolas(box, budgets, at) {
  const all = budgets.flatMap(({ reached }) => reached);
  const { svg, put, x, y, room } = logAxes(box, {
    xs: all.map(({ params }) => params),
    ys: [...all.map(({ loss }) => loss), ...budgets.flatMap(({ lowest }) => (lowest ? [lowest.loss] : []))],
    across: "parameters",
    up: "validation loss, nats a token",
  });
  const places = [];
  budgets.forEach(({ reached, lowest }, i) => {
    const ink = inkOf(budgets, i),
      nodes = [],
      within = (params) => lowest && lowest.between[0] <= params && params <= lowest.between[1];
    if (lowest) {
      const loss = (params) => lowest.loss + lowest.bend * Math.log(params / lowest.params) ** 2,
        points = between(lowest.between[0], lowest.between[1]).map((params) => `${x(params)},${y(loss(params))}`),
        curve = put("polyline", { points: points.join(" ") }, "gb-budget-curve");
      curve.style.stroke = ink;
      nodes.push(curve);
    }
    reached.forEach(({ params, loss }, size) => {
      const place = { x: x(params), y: y(loss), budget: i, size },
        dot = put("circle", { cx: place.x, cy: place.y, r: room ? 7 : 4 }, "gb-scaling-dot");
      dot.style.fill = within(params) ? ink : "none";
      dot.style.stroke = ink;
      nodes.push(dot);
      places.push(place);
    });
    if (lowest) {
      const points = diamond(x(lowest.params), y(lowest.loss), room ? 10 : 7);
      nodes.push(put("polygon", { points }, "gb-scaling-predicted"));
    }
    faint(nodes, at >= 0 && at !== i);
  });
  box.replaceChildren(svg);
  return places;
}

/**
 * The best size of each budget, the power law through them, and the one that the law through the sweep implies.
 * @param {HTMLElement} box
 * @param {Budget[]} budgets
 * @param {{ factor: number, exponent: number } | null} frontier
 * @param {{ factor: number, exponent: number } | null} law
 * @param {number} at
 */
function drawFrontier(box, budgets, frontier, law, at) {
  const best = budgets.filter(({ lowest }) => lowest),
    sizes = budgets.flatMap(({ reached }) => reached.map(({ params }) => params)),
    compute = budgets.map(({ flops }) => flops);
  const { svg, put, x, y, room, font, left } = logAxes(box, {
    xs: compute,
    ys: sizes,
    across: "FLOPs",
    up: "best size, parameters",
    say: short,
  });
  const low = Math.min(...compute),
    high = Math.max(...compute);
  const line = (power, name) => {
    const inside = between(low, high)
      .map((flops) => [flops, power.factor * flops ** power.exponent])
      .filter(([, params]) => params >= Math.min(...sizes) && params <= Math.max(...sizes));
    put("polyline", { points: inside.map(([flops, params]) => `${x(flops)},${y(params)}`).join(" ") }, name);
  };
  if (law) line(law, "gb-budget-law");
  if (frontier) line(frontier, "gb-budget-frontier");
  for (const { flops, lowest } of best) {
    const i = compute.indexOf(flops),
      node = put("polygon", { points: diamond(x(flops), y(lowest.params), room ? 10 : 7) }, "gb-scaling-predicted");
    node.style.fill = inkOf(budgets, i);
    faint([node], at >= 0 && at !== i);
  }
  if (!best.length)
    put("text", { x: left + 8, y: 60 + font }, "gb-scaling-words", "No budget shows its best size yet.");
  box.replaceChildren(svg);
}

export { drawFrontier, drawParabolas, inkOf };
