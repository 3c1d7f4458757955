// One persistent Plotly figure for a run. plotly.js comes from the installed Python package, and only when
// the first chart is drawn. What the figure shows is put together in run_figure.js.
import { color } from "../shared/colour.js";
import { onServer } from "../shared/connection.js";
import { el } from "../shared/elements.js";
import { Refusal } from "../shared/server.js";
import { plain, runFigure } from "./run_figure.js";

const CONFIG = { displayModeBar: false, responsive: true }; // drag zooms, a double click goes back
/**
 * Plotly hangs its figure on the element, and we what is to hear of the pointer.
 * @typedef {HTMLElement & { data: object[], layout: object, _fullLayout: { width: number, height: number },
 *   on(event: string, call: (told: any) => void): void, onStep?: (step: number | null) => void }} Chart
 */

let loading = null;

const plotlyUrl = () =>
  onServer(/** @type {HTMLMetaElement} */ (document.querySelector("meta[name=glassbox-plotly]")).content);

function plotly() {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  loading ||= new Promise((resolve, reject) => {
    const lost = () => reject(new Refusal("The charts could not be loaded. Reload the page."));
    document.head.append(el("script", { src: plotlyUrl(), onload: () => resolve(window.Plotly), onerror: lost }));
  });
  return loading;
}

/**
 * Draw a run; see `runFigure`.
 * @param {Chart} div Plotly keeps its figure there
 * @param {any} run
 */
async function runChart(div, run) {
  const Plotly = await plotly();
  const { data, layout } = runFigure({ ...run, height: div.clientHeight });
  await Plotly.react(div, data, layout, CONFIG);
  const { width, height } = div._fullLayout; // Plotly keeps the size it was first drawn in
  if (Math.abs(width - div.clientWidth) > 1 || Math.abs(height - div.clientHeight) > 1) await Plotly.Plots.resize(div);
}

/**
 * Tell of the step under the pointer; the newest `seen` counts.
 * @param {Chart} div
 * @param {(step: number | null) => void} seen null when the pointer is gone
 */
function hovered(div, seen) {
  const first = !div.onStep;
  div.onStep = seen;
  if (!first) return;
  div.on("plotly_hover", ({ points }) => div.onStep?.(points.at(-1).customdata));
  div.on("plotly_unhover", () => div.onStep?.(null));
}

/**
 * The chart as a file.
 * @param {Chart} div
 * @param {"png" | "svg" | "html"} kind html is a page that answers to the pointer without a network
 * @param {string} title
 * @returns {Promise<Blob>}
 */
async function chartFile(div, kind, title) {
  if (kind === "html") return page(div, title);
  const Plotly = await plotly(),
    size = { width: div.clientWidth, height: div.clientHeight };
  const url = await Plotly.toImage(div, { format: kind, ...size, scale: kind === "png" ? 2 : 1 });
  return (await fetch(url)).blob();
}

async function page({ data, layout }, title) {
  const library = await (await fetch(plotlyUrl())).text();
  // Inside a script "<" could end it, whatever is in a name.
  const sealed = (value) => JSON.stringify(value).replace(/</g, "\\u003c");
  const figure = sealed({ data, layout: { ...layout, width: undefined, height: undefined } });
  const parts = [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${plain(title)}</title></head>`,
    `<body style="margin:0;background:${color("--gb-paper")}"><div id="chart" style="height:96vh"></div>`,
    "<script>",
    library,
    "</script>",
    `<script>const figure = ${figure}; const settings = { responsive: true, displaylogo: false };`,
    `Plotly.newPlot("chart", figure.data, figure.layout, settings);</script></body></html>`,
  ];
  return new Blob(parts, { type: "text/html" });
}

export { chartFile, hovered, runChart };
