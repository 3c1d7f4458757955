// Loss curves on one persistent Plotly chart. plotly.js comes from the installed Python package, and
// only when the first chart is drawn.
(() => {
  "use strict";
  const { color, el } = glassbox;
  const MAX_POINTS = 500;
  let loading = null;

  function plotly() {
    if (window.Plotly) return Promise.resolve(window.Plotly);
    loading ||= new Promise((resolve, reject) => {
      const root = window.gradio_config?.root || "";
      document.head.append(el("script", { src: `${root}/gradio_api/file=${glassbox.plotlyPath}`,
        onload: () => resolve(window.Plotly), onerror: () => reject(new glassbox.Refusal("The charts could not be loaded. Reload the page.")) }));
    });
    return loading;
  }

  /** At most MAX_POINTS of [x, y] pairs: of each bucket its lowest and its highest, in order. */
  function thin(points) {
    if (points.length <= MAX_POINTS) return points;
    const size = Math.ceil(points.length / (MAX_POINTS / 2)), kept = [];
    for (let i = 0; i < points.length; i += size) {
      const bucket = points.slice(i, i + size);
      const low = bucket.reduce((a, b) => (b[1] < a[1] ? b : a)), high = bucket.reduce((a, b) => (b[1] > a[1] ? b : a));
      kept.push(...(low === high ? [low] : low[0] < high[0] ? [low, high] : [high, low]));
    }
    return kept;
  }

  /** Moving average whose memory grows from nothing to about twenty steps: early on every step counts. */
  function smooth(points) {
    let mean = points[0]?.[1];
    return points.map(([x, y], i) => {
      mean += (y - mean) * Math.max(0.05, 3 / (3 + i));
      return [x, mean];
    });
  }

  const line = (points, extra) => ({ x: points.map((p) => p[0]), y: points.map((p) => p[1]), type: "scatter", mode: "lines", ...extra });

  /** Draw runs into `div`. current: {steps, evaluations}; ghosts: [{name, evaluations}]; baselines: [{name, loss, floor}]. */
  async function lossChart(div, { current, ghosts, baselines, logarithmic }) {
    const Plotly = await plotly();
    const ink = color("--gb-soft"), grid = color("--gb-line"), accent = color("--gb-accent"), deep = color("--gb-accent-deep");
    const room = document.body.classList.contains("gb-room");
    const scale = room ? 2 : 1, size = room ? 20 : 12.5;
    const hover = "step %{x:,}: %{y:.4f} nats<extra>%{fullData.name}</extra>";
    const traces = ghosts.map((ghost) => line(ghost.evaluations.map(([s, , v]) => [s, v]), {
      name: ghost.name, line: { color: ink, width: 1.5 * scale }, opacity: 0.4, hovertemplate: hover }));
    traces.push(
      line(thin(current.steps), { name: "train, each batch", line: { color: accent, width: scale }, opacity: 0.3, hoverinfo: "skip" }),
      line(thin(smooth(current.steps)), { name: "train, smoothed", line: { color: accent, width: 2.5 * scale }, hovertemplate: hover }),
      line(current.evaluations.map(([s, , v]) => [s, v]), { name: "validation", mode: "lines+markers",
        line: { color: deep, width: 2 * scale }, marker: { size: 5 * scale, color: deep }, hovertemplate: hover }));
    const level = (loss) => (logarithmic ? Math.log10(loss) : loss);
    const layout = {
      margin: { l: room ? 80 : 52, r: 8, t: 12, b: room ? 64 : 40 }, showlegend: false, hovermode: "closest",
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: "system-ui, sans-serif", size, color: ink },
      xaxis: { title: { text: "step", standoff: 8 }, gridcolor: grid, zeroline: false, rangemode: "tozero" },
      yaxis: { title: { text: "loss, nats a token", standoff: 8 }, gridcolor: grid, zeroline: false,
        type: logarithmic ? "log" : "linear", ...(logarithmic ? { dtick: "D2" } : {}),
        ...(baselines.some((line) => line.floor) ? { rangemode: "tozero" } : {}) },  // room below the floor
      shapes: baselines.map(({ loss, floor }) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: loss, y1: loss,
        line: { color: ink, width: scale, dash: floor ? "solid" : "dash" } })),
      annotations: baselines.map(({ name, loss, floor }) => ({ xref: "paper", x: 1, xanchor: "right", y: level(loss), yanchor: floor ? "top" : "bottom", showarrow: false, text: plain(name), font: { size, color: ink } })),
      uirevision: "keep",  // a visitor's zoom survives the next point
    };
    const config = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      toImageButtonOptions: { format: "svg", filename: "glassbox-loss" } };
    await Plotly.react(div, traces, layout, config);
  }

  /** Plotly reads a little HTML in its texts; names must stay text. */
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  glassbox.lossChart = lossChart;
})();
