// A small line chart in SVG: one curve over the size of the vocabulary.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";

const SVG = "http://www.w3.org/2000/svg",
  MAX_POINTS = 300;

function draw(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** At most MAX_POINTS of them, the last always. */
function thin(points) {
  const every = Math.ceil(points.length / MAX_POINTS);
  return points.filter((_, i) => i % every === 0 || i === points.length - 1);
}

/** points: [[x, y], ...] with x rising; `logarithmic` is of y; `label(y)` names the last value. */
function curve(box, points, { logarithmic = false, end, label = format.number, empty }) {
  if (points.length < 2) {
    box.replaceChildren(el("p", { class: "gb-soft gb-small" }, empty));
    return;
  }
  const scale = Number.parseFloat(getComputedStyle(box).getPropertyValue("--gb-scale")) || 1;
  const width = box.clientWidth,
    height = box.clientHeight,
    left = 8,
    right = 64 * scale,
    top = 10 * scale,
    bottom = 22 * scale;
  const level = (y) => (logarithmic ? Math.log10(y) : y);
  const thinned = thin(points),
    levels = thinned.map(([, y]) => level(y));
  const low = logarithmic ? Math.min(...levels) : 0,
    high = Math.max(...levels);
  const start = thinned[0][0],
    last = Math.max(end, thinned[thinned.length - 1][0]);
  const x = (v) => left + ((width - left - right) * (v - start)) / Math.max(1, last - start);
  const y = (v) => top + (height - top - bottom) * (1 - (level(v) - low) / Math.max(1e-9, high - low));
  const [nowX, nowY] = thinned[thinned.length - 1];
  const words = (at, anchor, dx, dy, text, kind = "gb-tk-axis") =>
    draw("text", { x: at[0] + dx, y: at[1] + dy, "text-anchor": anchor, class: kind }, text);
  const spoken = `${label(thinned[0][1])} at ${start}, ${label(nowY)} at ${nowX}`;
  box.replaceChildren(
    draw(
      "svg",
      { width, height, role: "img", "aria-label": spoken },
      draw("line", { x1: left, x2: width - right, y1: height - bottom, y2: height - bottom, class: "gb-tk-base" }),
      draw("polyline", {
        points: thinned.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" "),
        class: "gb-tk-line",
      }),
      draw("circle", { cx: x(nowX), cy: y(nowY), r: 4 * scale, class: "gb-tk-dot" }),
      words([x(nowX), y(nowY)], "start", 8, -4, label(nowY), "gb-tk-value"),
      words([left, height], "start", 0, -6, format.whole(start)),
      words([width - right, height], "end", 0, -6, format.whole(last)),
    ),
  );
}

export { curve as tokenCurve };
