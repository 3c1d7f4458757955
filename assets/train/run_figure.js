// What the chart of a run shows: loss, a task's right answers, learning rate and gradient norm, one above the
// other on one axis with one crosshair. Pure data for Plotly.
import { color } from "../shared/colour.js";
import { format } from "../shared/format.js";

const AXES = { step: "steps", tokens_seen: "tokens seen", seconds: "seconds of steps" };
const HOVERS = { step: "step %{x:,}", tokens_seen: "%{x:,} tokens", seconds: "%{x:.1f} s" };
const NAMES = {
  right: "answers exactly right",
  rate: "learning rate",
  norm: "gradient norm, before and after clipping",
};
const SETTINGS = {
  learning_rate: "learning rate",
  matrix_learning_rate: "matrices' learning rate",
  batch_size: "batch",
  eval_interval: "evaluation every",
};
// Where a logarithmic axis is marked.
const LOSSES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12];
const GAP = 0.052; // between two charts, as a share of the height
const MARKERS = 60; // each is a node of the page, so only so many evaluations are dots
const ROOMY = 480; // CSS pixels of height that leave the loss enough beside the rates
const MARKS = 12; // changes that are named; before them only the newest matter

/** Plotly reads a little HTML in its texts; names must stay text. */
const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** Where each chart lies, from the bottom: the loss takes what the small ones leave. */
function domains(small) {
  const share = small.length > 2 ? 0.11 : 0.15,
    found = {};
  small.forEach((name, i) => {
    found[name] = [i * (share + GAP), i * (share + GAP) + share];
  });
  found.loss = [small.length * (share + GAP), 1];
  return found;
}

/** Lowest and highest loss that the chart shows. */
function span(lines, baselines, log) {
  const values = [...lines.flat().map((point) => point[1]), ...baselines.map((line) => line.loss)];
  const drawn = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  const low = Math.min(...drawn),
    high = Math.max(...drawn),
    room = 0.06 * (high - low || 1);
  if (log) return [low * 0.93, high * 1.07];
  return [baselines.some((line) => line.floor) ? 0 : low - room, high + room];
}

function nice(rough) {
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-9)));
  return power * ([1, 2, 5].find((digit) => digit * power >= rough) ?? 10);
}

/** Round perplexities, or bits a byte, for the right axis: [loss, text] within the losses from low to high. */
function rightTicks(right, bytes, [low, high]) {
  if (right === "bits" && bytes) {
    const unit = Math.LN2 * bytes,
      step = nice((high - low) / unit / 6),
      first = Math.ceil(low / unit / step);
    const count = Math.floor(high / unit / step) - first + 1;
    const bits = Array.from({ length: Math.max(0, count) }, (_, i) => (first + i) * step);
    return bits.map((value) => [value * unit, format.number(value)]);
  }
  const round = [1, 10, 100, 1e3, 1e4, 1e5].flatMap((power) => [1, 1.5, 2, 3, 5, 7].map((digit) => digit * power));
  const inside = round.filter((p) => Math.log(p) >= low && Math.log(p) <= high);
  const every = Math.max(1, Math.ceil(inside.length / 8));
  return inside.filter((_, i) => i % every === 0).map((p) => [Math.log(p), format.number(p)]);
}

/** The baselines' names; where two lines lie too close for two names, one line of text holds both. */
function labels(baselines, level, [low, high]) {
  const found = [];
  for (const { name, loss, floor } of baselines) {
    const close = (other) => !floor && Math.abs(level(other.loss) - level(loss)) < 0.085 * (high - low);
    const near = found.find(close);
    if (near) Object.assign(near, { text: `${near.text} · ${name}`, loss: Math.max(near.loss, loss) });
    else found.push({ text: name, loss, floor });
  }
  return found;
}

/** Colours and sizes of the page as it is now. */
function style() {
  const room = document.body.classList.contains("gb-room");
  return {
    room,
    narrow: window.innerWidth < 600,
    thick: room ? 2 : 1,
    size: room ? 20 : 12.5,
    ink: color("--gb-soft"),
    grid: color("--gb-line"),
    strong: color("--gb-line-strong"),
    paper: color("--gb-paper"),
  };
}

/**
 * { data, layout } of a run.
 * digest and ghosts: see run_state.js; backdrop: { baselines, bytes_per_token }; view: { x, y, right, smooth };
 * exams: [{ name, points, dashed }]; at: a step to mark, or null; id: of the run; height of the chart in CSS pixels.
 */
function runFigure(run) {
  const { digest, ghosts, backdrop, view, exams } = run,
    look = style(),
    log = view.y === "log";
  const rates = !look.narrow && !look.room && run.height >= ROOMY;
  const small = [...(rates ? ["norm", "rate"] : []), ...(exams.length ? ["right"] : [])];
  const place = domains(small),
    along = digest.scale(view.x);
  const faint = ghosts.map(({ name, digest: past }) => ({
    name: plain(name),
    along: past.scale(view.x),
    digest: past,
  }));
  const validation = digest.curve("validation_loss").points(),
    loss = digest.curve("loss").points();
  const others = faint.map((ghost) => ghost.digest.curve("validation_loss").points());
  const range = span([loss, validation, ...others], backdrop.baselines, log);
  const drawing = { ...run, look, log, place, along, faint, range, shown: log ? range.map(Math.log10) : range };
  const data = losses(drawing, loss, validation);
  if (place.right) data.push(...answers(drawing));
  if (place.rate) data.push(...learning(drawing));
  return { data, layout: layout(drawing, small) };
}

const line = (points, along, more) => ({
  x: points.map((p) => along(p[0])),
  y: points.map((p) => p[1]),
  customdata: points.map((p) => p[0]),
  type: "scatter",
  mode: "lines",
  ...more,
});
const ghostly = (faint, curve, look, more) =>
  faint.map(({ name, along, digest }) =>
    line(digest.curve(curve).points(), along, {
      name,
      line: { color: look.ink, width: 1.5 * look.thick },
      opacity: 0.4,
      ...more,
    }),
  );
const hover = (unit) => ({ hovertemplate: `%{y:.4~g}${unit}` });

function losses({ digest, faint, along, view, look }, loss, validation) {
  const accent = color("--gb-accent"),
    deep = color("--gb-accent-deep"),
    smooth = view.smooth > 0,
    nats = hover(" nats");
  const marked =
    validation.length > MARKERS ? {} : { mode: "lines+markers", marker: { size: 5 * look.thick, color: deep } };
  return [
    ...ghostly(faint, "validation_loss", look, nats),
    line(loss, along, {
      name: "train, each batch",
      line: { color: accent, width: look.thick },
      opacity: smooth ? 0.28 : 0.9,
      ...(smooth ? { hoverinfo: "skip" } : nats),
    }),
    line(smooth ? digest.curve("loss").smoothed(view.smooth) : [], along, {
      name: "train",
      line: { color: accent, width: 2.5 * look.thick },
      ...nats,
    }),
    line(validation, along, {
      name: "validation",
      line: { color: deep, width: 2 * look.thick },
      ...marked,
      ...nats,
    }),
    // An axis is drawn only for a trace of its own.
    line([[0, validation.at(-1)?.[1] ?? 1]], along, {
      name: "",
      yaxis: "y2",
      mode: "markers",
      marker: { opacity: 0 },
      hoverinfo: "skip",
    }),
  ];
}

function answers({ exams, faint, along, look }) {
  const right = { yaxis: "y3", hovertemplate: "%{y:.0%} right" },
    good = color("--gb-good");
  const shade = (dashed) => ({
    color: dashed ? look.ink : good,
    width: 2 * look.thick,
    dash: dashed ? "dot" : "solid",
  });
  return [
    ...ghostly(faint, "accuracy", look, right),
    ...exams.map(({ name, points, dashed }) => line(points, along, { name, line: shade(dashed), ...right })),
  ];
}

function learning({ digest, along, look }) {
  const drawn = (curve, name, yaxis, shade, width) =>
    line(digest.curve(curve).points(), along, {
      name,
      yaxis,
      line: { color: color(shade), width: width * look.thick },
      ...hover(""),
    });
  return [
    drawn("learning_rate", "learning rate", "y4", "--gb-mlp", 1.5),
    drawn("grad_norm", "gradient norm", "y5", "--gb-residual", 1),
    drawn("clipped_norm", "after clipping", "y5", "--gb-value", 1.2),
  ];
}

function layout(drawing, small) {
  const { backdrop, view, look, log, place, range, shown, id } = drawing,
    { size, room } = look;
  const axis = (title, domain, more) => ({
    title: { text: title, standoff: 8, font: { size } },
    domain,
    gridcolor: look.grid,
    zeroline: false,
    ...more,
  });
  const type = log ? "log" : "linear",
    ticks = rightTicks(view.right, backdrop.bytes_per_token, range);
  return {
    margin: { l: room ? 84 : 60, r: room ? 84 : 58, t: room ? 26 : 12, b: room ? 64 : 42 },
    showlegend: false,
    hovermode: "x unified",
    hoversubplots: "axis",
    hoverlabel: { bgcolor: color("--gb-raised"), bordercolor: look.strong, font: { color: color("--gb-ink"), size } },
    // Not transparent: Plotly puts a light edge around the crosshair on what it takes for white.
    paper_bgcolor: look.paper,
    plot_bgcolor: look.paper,
    font: { family: "system-ui, sans-serif", size, color: look.ink },
    xaxis: axis(AXES[view.x], undefined, {
      rangemode: "tozero",
      anchor: small.length ? "free" : "y",
      position: 0,
      unifiedhovertitle: { text: HOVERS[view.x] },
      showspikes: true,
      spikemode: "across",
      spikesnap: "cursor",
      spikethickness: 1,
      spikedash: "solid",
      spikecolor: look.strong,
    }),
    yaxis: axis("loss, nats a token", place.loss, { type, range: shown, ...(log ? { tickvals: LOSSES } : {}) }),
    yaxis2: axis(view.right === "bits" ? "bits per byte" : "perplexity", undefined, {
      overlaying: "y",
      matches: "y",
      side: "right",
      type,
      range: shown,
      showgrid: false,
      tickvals: ticks.map((tick) => tick[0]),
      ticktext: ticks.map((tick) => tick[1]),
    }),
    ...(place.right ? { yaxis3: axis("", place.right, { tickformat: ".0%", range: [-0.04, 1.04], dtick: 0.5 }) } : {}),
    ...(place.rate
      ? {
          yaxis4: axis("", place.rate, { rangemode: "tozero", nticks: 3, exponentformat: "power" }),
          yaxis5: axis("", place.norm, { rangemode: "tozero", nticks: 3 }),
        }
      : {}),
    ...marks(drawing),
    uirevision: `${id} ${view.x} ${view.y}`, // a visitor's zoom survives the next point
  };
}

/** Lines and words on the charts: names, baselines, changes on the fly, the step that is looked at. */
function marks({ digest, backdrop, look, log, place, along, shown, at }) {
  const { ink, thick, size } = look,
    warn = color("--gb-warn"),
    level = (value) => (log ? Math.log10(value) : value);
  const note = (text, more) => ({ text: plain(text), showarrow: false, font: { size, color: ink }, ...more });
  const stroke = (shade, dash) => ({ color: shade, width: thick, dash });
  const upright = (step, dash, shade) => ({
    type: "line",
    yref: "paper",
    y0: 0,
    y1: 1,
    x0: along(step),
    x1: along(step),
    line: stroke(shade, dash),
  });
  const across = ({ loss, floor }) => ({
    type: "line",
    xref: "paper",
    x0: 0,
    x1: 1,
    y0: loss,
    y1: loss,
    line: stroke(ink, floor ? "solid" : "dash"),
  });
  const said = ({ changes }) =>
    Object.entries(changes).map(([name, value]) => `${SETTINGS[name] ?? name} ${format.number(value)}`);
  const changes = digest.changes.slice(-MARKS),
    named = Object.entries(NAMES).filter(([name]) => place[name]);
  return {
    shapes: [
      ...backdrop.baselines.map(across),
      ...changes.map(({ step }) => upright(step, "solid", warn)),
      ...(at === null ? [] : [upright(at, "dot", color("--gb-accent"))]),
    ],
    annotations: [
      ...named.map(([name, text]) =>
        note(text, {
          xref: "paper",
          x: 0.004,
          xanchor: "left",
          yref: "paper",
          y: place[name][1] + 0.004,
          yanchor: "bottom",
        }),
      ),
      ...labels(backdrop.baselines, level, shown).map(({ text, loss, floor }) =>
        note(text, {
          xref: "paper",
          x: 1,
          xanchor: "right",
          y: level(loss),
          yanchor: floor ? "top" : "bottom",
        }),
      ),
      ...changes.map((change, i) =>
        note(said(change).join(", "), {
          x: along(change.step),
          xanchor: "left",
          yref: "paper",
          y: 1 - 0.05 * (i % 4),
          yanchor: "top",
          font: { size: size - 1, color: warn },
        }),
      ),
    ],
  };
}

export { plain, runFigure };
