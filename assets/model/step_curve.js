// The mean loss along a step, from no step to one far too large; a dot where the slider is.
import { format } from "../shared/format.js";

const NS = "http://www.w3.org/2000/svg";
const EDGE = { left: 52, right: 24, top: 10, bottom: 26 };

/** Times the step's own rate, in words. @param {number} factor */
export const times = (factor) => (factor === 0 ? "0" : `×${format.number(factor)}`);

function node(tag, attributes, text = "") {
  const made = document.createElementNS(NS, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.textContent = text;
  return made;
}

/**
 * Draw into a box, at its size.
 * @param {HTMLElement} box
 * @param {number[]} factors evenly spaced: each is about three times the one before
 * @param {number[]} means NaN where there is none
 * @param {number} chosen which of them the slider is at
 * @param {(i: number) => void} onPick
 */
export function drawCurve(box, factors, means, chosen, onPick) {
  const width = box.clientWidth,
    height = box.clientHeight,
    scale = parseFloat(getComputedStyle(box).fontSize) / 12.5;
  if (width < 80 || height < 60) return;
  const left = EDGE.left * scale,
    bottom = height - EDGE.bottom * scale,
    right = width - EDGE.right;
  // On a log scale, or the end would flatten all that comes before.
  const known = means.filter((x) => x > 0),
    low = Math.log(Math.min(...known)),
    high = Math.max(Math.log(Math.max(...known)), low + 1e-3);
  const x = (i) => left + ((right - left) * i) / (factors.length - 1),
    y = (mean) => bottom - ((bottom - EDGE.top) * (Math.log(mean) - low)) / (high - low);
  const drawn = means.map((mean, i) => ({ mean, i })).filter(({ mean }) => mean > 0);
  const svg = node("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.append(
    node(
      "title",
      {},
      `Mean loss ${format.number(means[0])} nats before the step, ${format.number(means[chosen])} at ${times(factors[chosen])}`,
    ),
    node("line", {
      class: "gb-axis",
      x1: left,
      x2: right,
      y1: y(means[0]),
      y2: y(means[0]),
      "stroke-dasharray": "3 4",
    }),
    node("path", { class: "gb-line", d: drawn.map(({ mean, i }, k) => `${k ? "L" : "M"}${x(i)} ${y(mean)}`).join("") }),
  );
  for (const { mean, i } of drawn) {
    const dot = node("circle", {
      class: i === chosen ? "gb-dot gb-here" : "gb-dot",
      cx: x(i),
      cy: y(mean),
      r: i === chosen ? 6 : 3,
    });
    svg.append(dot);
  }
  const apart = Math.ceil((48 * scale * (factors.length - 1)) / (right - left)); // of labels that don't touch
  for (const [i, factor] of factors.entries()) {
    if (i !== chosen && (i % apart !== 0 || Math.abs(i - chosen) < apart)) continue;
    svg.append(
      node(
        "text",
        {
          class: i === chosen ? "gb-here" : "",
          x: i === factors.length - 1 ? width : x(i), // the last one would be cut
          y: height - 8,
          "text-anchor": i === factors.length - 1 ? "end" : "middle",
        },
        times(factor),
      ),
    );
  }
  const marks = [...new Set([Math.min(...known), means[0], Math.max(...known)])];
  let above = Infinity;
  for (const mean of marks) {
    if (above - y(mean) < 16 * scale) continue;
    above = y(mean);
    svg.append(node("text", { x: left - 8, y: above + 4 * scale, "text-anchor": "end" }, format.number(mean)));
  }
  svg.addEventListener("click", (event) => {
    const place = (event.clientX - box.getBoundingClientRect().left - left) / (right - left);
    onPick(Math.max(0, Math.min(factors.length - 1, Math.round(place * (factors.length - 1)))));
  });
  box.replaceChildren(svg);
}
