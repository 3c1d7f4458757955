// The charts of a run, one persistent Plotly figure: loss, a task's right answers, learning rate and
// gradient norm, one above the other on one axis with one crosshair. plotly.js comes from the installed
// Python package, and only when the first chart is drawn.
(() => {
  "use strict";
  const { color, el, format } = glassbox;
  let loading = null;

  function plotly() {
    if (window.Plotly) return Promise.resolve(window.Plotly);
    loading ||= new Promise((resolve, reject) => {
      document.head.append(el("script", { src: plotlyUrl(), onload: () => resolve(window.Plotly),
        onerror: () => reject(new glassbox.Refusal("The charts could not be loaded. Reload the page.")) }));
    });
    return loading;
  }
  const plotlyUrl = () => `${window.gradio_config?.root || ""}/gradio_api/file=${glassbox.plotlyPath}`;

  /** Plotly reads a little HTML in its texts; names must stay text. */
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  const AXES = { step: "steps", tokens_seen: "tokens seen", seconds: "seconds of steps" };
  const HOVERS = { step: "step %{x:,}", tokens_seen: "%{x:,} tokens", seconds: "%{x:.1f} s" };
  const SETTINGS = { learning_rate: "learning rate", matrix_learning_rate: "matrices' learning rate", batch_size: "batch", eval_interval: "evaluation every" };
  const NAMES = { right: "answers exactly right", rate: "learning rate", norm: "gradient norm, before and after clipping" };
  const GAP = 0.052;  // between two charts, as a share of the height

  /** Where each chart lies, from the bottom: the loss takes what the small ones leave. */
  function domains(small) {
    const share = small.length > 2 ? 0.11 : 0.15;
    const found = {};
    small.forEach((name, i) => { found[name] = [i * (share + GAP), i * (share + GAP) + share]; });
    found.loss = [small.length * (share + GAP), 1];
    return found;
  }

  /** Round perplexities, or bits a byte, for the right axis: [loss, text] within the losses from low to high. */
  function rightTicks({ right, bytes_per_token: bytes }, low, high) {
    if (right === "bits" && bytes) {
      const unit = Math.LN2 * bytes, step = nice((high - low) / unit / 6);
      const ticks = [];
      for (let bits = Math.ceil(low / unit / step) * step; bits <= high / unit; bits += step) ticks.push([bits * unit, format.number(bits)]);
      return ticks;
    }
    const all = [];
    for (let power = 1; power <= 1e5; power *= 10) for (const digit of [1, 1.5, 2, 3, 5, 7]) all.push(digit * power);
    const inside = all.filter((p) => Math.log(p) >= low && Math.log(p) <= high);
    const every = Math.max(1, Math.ceil(inside.length / 8));
    return inside.filter((p, i) => i % every === 0).map((p) => [Math.log(p), format.number(p)]);
  }
  function nice(rough) {
    const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-9)));
    return power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
  }

  /** The baselines' names; where two lines lie too close for two names, one line of text holds both. */
  function labels(baselines, level, [low, high]) {
    const found = [];
    for (const { name, loss, floor } of baselines) {
      const near = found.find((other) => !floor && Math.abs(level(other.loss) - level(loss)) < 0.085 * (high - low));
      if (near) Object.assign(near, { text: `${near.text} · ${name}`, loss: Math.max(near.loss, loss) });
      else found.push({ text: name, loss, floor });
    }
    return found;
  }

  /** Lowest and highest loss that the chart shows. */
  function span(lines, baselines, log) {
    const values = [...lines.flat().map((p) => p[1]), ...baselines.map((line) => line.loss)].filter((v) => Number.isFinite(v) && (!log || v > 0));
    const low = Math.min(...values), high = Math.max(...values), floor = baselines.some((line) => line.floor);
    if (log) return [low * 0.93, high * 1.07];
    const room = 0.06 * (high - low || 1);
    return [floor ? 0 : low - room, high + room];
  }

  /**
   * The whole figure: { data, layout }.
   * view: { x, y, right, smooth }; exams: [{ name, points, dashed }]; at: a step to mark, or null.
   */
  function figure({ digest, ghosts, backdrop, view, exams, at, id }) {
    const room = document.body.classList.contains("gb-room"), scale = room ? 2 : 1, size = room ? 20 : 12.5;
    const ink = color("--gb-soft"), grid = color("--gb-line"), accent = color("--gb-accent"), deep = color("--gb-accent-deep");
    const good = color("--gb-good"), warn = color("--gb-warn"), paper = color("--gb-paper");
    const narrow = window.innerWidth < 600, log = view.y === "log";
    const small = [...(narrow || room ? [] : ["norm", "rate"]), ...(exams.length ? ["right"] : [])];
    const place = domains(small), place_x = digest.scale(view.x);

    const line = (points, x, more) => ({ x: points.map((p) => x(p[0])), y: points.map((p) => p[1]), type: "scatter", mode: "lines", ...more });
    const hover = (unit) => `%{y:.4~g}${unit}`;
    const validation = digest.curve("validation_loss").points(), loss = digest.curve("loss").points();
    const faded = ghosts.map((ghost) => ({ name: ghost.name, points: ghost.digest.curve("validation_loss").points(), x: ghost.digest.scale(view.x), ghost }));
    const data = faded.map(({ name, points, x }) => line(points, x, { name: plain(name), line: { color: ink, width: 1.5 * scale }, opacity: 0.4, hovertemplate: hover(" nats") }));
    data.push(
      line(loss, place_x, { name: "train, each batch", line: { color: accent, width: scale }, opacity: view.smooth > 0 ? 0.28 : 0.9, hoverinfo: "skip" }),
      line(view.smooth > 0 ? digest.curve("loss").smoothed(view.smooth) : loss, place_x, { name: "train", line: { color: accent, width: 2.5 * scale }, visible: view.smooth > 0 || "legendonly", hovertemplate: hover(" nats") }),
      line(validation, place_x, { name: "validation", mode: "lines+markers", line: { color: deep, width: 2 * scale }, marker: { size: (validation.length > 60 ? 3 : 5) * scale, color: deep }, hovertemplate: hover(" nats") }),
      // An axis is drawn only for a trace of its own.
      { x: [0], y: [digest.curve("validation_loss").last?.[1] ?? 1], yaxis: "y2", type: "scatter", mode: "markers", marker: { opacity: 0 }, hoverinfo: "skip", name: "" });

    const range = span([loss, validation, ...faded.map((f) => f.points)], backdrop.baselines, log);
    const ticks = rightTicks({ right: view.right, bytes_per_token: backdrop.bytes_per_token }, ...range);
    const axis = (title, domain, more) => ({ title: { text: title, standoff: 8, font: { size } }, domain, gridcolor: grid, zeroline: false, automargin: false, ...more });
    const shown = log ? range.map(Math.log10) : range;
    const layout = {
      margin: { l: room ? 84 : 60, r: room ? 84 : 58, t: 12, b: room ? 64 : 42 }, showlegend: false, hovermode: "x unified", hoversubplots: "axis",
      hoverlabel: { bgcolor: color("--gb-raised"), bordercolor: color("--gb-line-strong"), font: { color: color("--gb-ink"), size } },
      paper_bgcolor: paper, plot_bgcolor: paper, font: { family: "system-ui, sans-serif", size, color: ink },
      xaxis: { ...axis(AXES[view.x], undefined, { rangemode: "tozero" }), anchor: small.length ? "free" : "y", position: 0, unifiedhovertitle: { text: HOVERS[view.x] },
        showspikes: true, spikemode: "across", spikesnap: "cursor", spikethickness: 1, spikedash: "solid", spikecolor: color("--gb-line-strong") },
      yaxis: axis("loss, nats a token", place.loss, { type: log ? "log" : "linear", range: shown, ...(log ? { dtick: "D2" } : {}) }),
      yaxis2: axis(view.right === "bits" ? "bits per byte" : "perplexity", undefined, { overlaying: "y", matches: "y", side: "right", type: log ? "log" : "linear",
        range: shown, showgrid: false, tickvals: ticks.map((t) => t[0]), ticktext: ticks.map((t) => t[1]) }),
      shapes: [], annotations: [],
      uirevision: `${id} ${view.x} ${view.y}`,  // a visitor's zoom survives the next point
    };
    if (place.right) {
      layout.yaxis3 = axis("", place.right, { tickformat: ".0%", range: [-0.04, 1.04], dtick: 0.5 });
      for (const { name, points, x } of faded.map((f) => ({ ...f, points: f.ghost.digest.curve("accuracy").points() }))) {
        data.push(line(points, x, { name: plain(name), yaxis: "y3", line: { color: ink, width: 1.5 * scale }, opacity: 0.4, hovertemplate: "%{y:.0%} right" }));
      }
      exams.forEach(({ name, points, dashed }) => data.push(line(points, place_x, { name, yaxis: "y3", line: { color: dashed ? ink : good, width: 2 * scale, dash: dashed ? "dot" : "solid" }, hovertemplate: "%{y:.0%} right" })));
    }
    if (place.rate) {
      layout.yaxis4 = axis("", place.rate, { rangemode: "tozero", nticks: 3, exponentformat: "power" });
      data.push(line(digest.curve("learning_rate").points(), place_x, { name: "learning rate", yaxis: "y4", line: { color: color("--gb-mlp"), width: 1.5 * scale }, hovertemplate: hover("") }));
      layout.yaxis5 = axis("", place.norm, { rangemode: "tozero", nticks: 3 });
      data.push(
        line(digest.curve("grad_norm").points(), place_x, { name: "gradient norm", yaxis: "y5", line: { color: color("--gb-residual"), width: 1 }, opacity: 0.8, hovertemplate: hover("") }),
        line(digest.curve("clipped_norm").points(), place_x, { name: "after clipping", yaxis: "y5", line: { color: color("--gb-value"), width: 1.2 }, hovertemplate: hover("") }));
    }
    for (const [name, text] of Object.entries(NAMES)) {
      if (place[name]) layout.annotations.push({ xref: "paper", yref: "paper", x: 0.004, xanchor: "left", y: place[name][1] + 0.004, yanchor: "bottom", showarrow: false, text, font: { size: size - 1, color: ink } });
    }
    const level = (value) => (log ? Math.log10(value) : value);
    for (const { loss: value, floor } of backdrop.baselines) {
      layout.shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: value, y1: value, line: { color: ink, width: scale, dash: floor ? "solid" : "dash" } });
    }
    for (const { text, loss: value, floor } of labels(backdrop.baselines, level, shown)) {
      layout.annotations.push({ xref: "paper", x: 1, xanchor: "right", y: level(value), yanchor: floor ? "top" : "bottom", showarrow: false, text: plain(text), font: { size, color: ink } });
    }
    const upright = (x, dash, shade) => ({ type: "line", yref: "paper", y0: 0, y1: 1, x0: x, x1: x, line: { color: shade, width: scale, dash } });
    for (const [i, { step, changes }] of digest.changes.slice(-12).entries()) {
      const text = Object.entries(changes).map(([name, value]) => `${SETTINGS[name] ?? name} ${format.number(value)}`).join(", ");
      layout.shapes.push(upright(place_x(step), "solid", warn));
      layout.annotations.push({ x: place_x(step), xanchor: "left", yref: "paper", y: 1 - 0.05 * (i % 4), yanchor: "top", showarrow: false, text: plain(text), font: { size: size - 1, color: warn } });
    }
    if (at !== null) layout.shapes.push(upright(place_x(at), "dot", accent));
    return { data, layout };
  }

  const CONFIG = { displayModeBar: false, responsive: true };  // drag zooms, a double click goes back

  /** Draw a run into `div`; see `figure`. */
  async function runChart(div, run) {
    const Plotly = await plotly();
    const { data, layout } = figure(run);
    await Plotly.react(div, data, layout, CONFIG);
    // Plotly keeps the size it was first drawn in.
    if (Math.abs(div._fullLayout.width - div.clientWidth) > 1 || Math.abs(div._fullLayout.height - div.clientHeight) > 1) await Plotly.Plots.resize(div);
  }

  /** The chart in `div` as a Blob: "png", "svg", or "html", a page that still answers to the pointer without a network. */
  async function chartFile(div, kind, title) {
    const Plotly = await plotly();
    if (kind !== "html") {
      const url = await Plotly.toImage(div, { format: kind, width: div.clientWidth, height: div.clientHeight, scale: kind === "png" ? 2 : 1 });
      return (await fetch(url)).blob();
    }
    const library = await (await fetch(plotlyUrl())).text();
    const { data, layout } = div;
    // Inside a script "<" could end it, whatever is in a name.
    const figureJson = JSON.stringify({ data, layout: { ...layout, width: undefined, height: undefined } }).replace(/</g, "\\u003c");
    const head = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${plain(title)}</title></head>`;
    return new Blob([head, `<body style="margin:0;background:${color("--gb-paper")}"><div id="chart" style="height:96vh"></div><script>`, library,
      `<\/script><script>const f = ${figureJson}; Plotly.newPlot("chart", f.data, f.layout, { responsive: true, displaylogo: false });<\/script></body></html>`], { type: "text/html" });
  }

  Object.assign(glassbox, { runChart, chartFile });
})();
