// The picture of learning rates: what each width ends at, by the rate that it was trained with.
import { diamond, logAxes } from "./axes.js";
import { shadeOf } from "./scaling_chart.js";

/**
 * @param {HTMLElement} box
 * @param {{ width: number, rule: number, best: number, tried: number[][] }[]} sizes `tried`: rate and loss
 */
export function drawRates(box, sizes) {
  const all = sizes.flatMap(({ tried }) => tried),
    widths = sizes.map(({ width }) => width);
  const { svg, put, x, y, room, font } = logAxes(box, {
    xs: all.map(([rate]) => rate),
    ys: all.map(([, loss]) => loss),
    across: "learning rate",
    up: "loss at the end, nats a token",
  });
  for (const { width, rule, best, tried } of sizes) {
    const ink = shadeOf(widths, width),
      line = put(
        "polyline",
        { points: tried.map(([rate, loss]) => `${x(rate)},${y(loss)}`).join(" ") },
        "gb-scaling-way",
      );
    line.style.stroke = ink;
    for (const [rate, loss] of tried) {
      const dot = put("circle", { cx: x(rate), cy: y(loss), r: room ? 7 : 4 }, "gb-scaling-dot");
      dot.style.fill = rate === best ? ink : "none";
      dot.style.stroke = ink;
    }
    put("polygon", { points: diamond(x(rule), y(lossAt(tried, rule)), room ? 13 : 8) }, "gb-rates-rule");
    const [rate, loss] = tried.at(-1);
    put("text", { x: x(rate) + 8, y: y(loss) + font / 3 }, "gb-scaling-words", String(width));
  }
  box.replaceChildren(svg);
}

/** The loss at a rate, on straight lines between those that were tried. */
function lossAt(tried, rate) {
  const i = Math.max(
      1,
      tried.findIndex(([one]) => one >= rate),
    ),
    [[low, from], [high, to]] = [tried[i - 1], tried[i] ?? tried[i - 1]];
  return high === low ? from : from * (to / from) ** (Math.log(rate / low) / Math.log(high / low));
}
