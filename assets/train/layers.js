// Train, the layers: norms as lines, attention entropy as a strip a head, both over the evaluations.
import { canvas2d } from "../shared/canvas.js";
import { color, cssRgb, palette } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { panel } from "../shared/panel.js";
import { Refusal } from "../shared/server.js";
import { tip } from "../shared/tooltip.js";
import { shownRun } from "./shown_run.js";

panel("layers", ({ ask, notice, find, root }) => {
  /** @type {[string, (part: Record<string, number>) => number][]} */
  const PANELS = [
    ["weights", (part) => part.weight_norm],
    ["gradient, before clipping", (part) => part.grad_norm],
    ["last update, as a share of the weights", (part) => part.update_norm / part.weight_norm],
  ];
  const HEIGHT = 132,
    LEFT = 64,
    TOP = 18,
    ROW = 12;
  let run = null,
    moments = [],
    told = null;

  const NAMES = { wte: "tokens", wpe: "positions", ln_f: "last norm", lm_head: "head" };
  const NONE = "No layer was measured in this run. Tick “Measure each layer” under More in the form, then start a run.";
  const named = (name) => (name.startsWith("h.") ? `block ${Number(name.slice(2)) + 1}` : (NAMES[name] ?? name));
  /** Blocks get darker with depth; what is no block has the colour of its role. */
  function shade(name, blocks) {
    if (!name.startsWith("h.")) return color({ wte: "--gb-query", wpe: "--gb-key" }[name] ?? "--gb-residual");
    return cssRgb(palette("sequential")[Math.round(110 + (130 * Number(name.slice(2))) / Math.max(1, blocks - 1))]);
  }

  const load = latest(async () => {
    const id = shownRun.id();
    if (!root.offsetParent) return;
    if (id !== run) {
      run = id;
      moments = [];
      told = null;
    }
    if (run) {
      try {
        const answer = await ask("read_layers", { run, since: moments.at(-1)?.step ?? -1 });
        if (answer.run !== run) return;
        told = answer;
        moments = [...moments, ...answer.moments].slice(-240);
      } catch (error) {
        if (!(error instanceof Refusal)) console.error(error);
        notice(error.message);
      }
    }
    draw();
  });

  function draw() {
    const ready = moments.length > 0;
    find("[data-id=empty]").hidden = ready;
    find("[data-id=charts]").hidden = !ready;
    if (!ready) {
      find("[data-id=empty]").textContent = told?.measured
        ? "The first measurement comes with the next evaluation."
        : NONE;
      return;
    }
    const parts = moments[0].layers.map((part) => part.name),
      blocks = parts.filter((name) => name.startsWith("h.")).length;
    const key = (name) => el("span", {}, el("i", { style: `background:${shade(name, blocks)}` }), named(name));
    find("[data-id=names]").replaceChildren(...parts.map(key));
    const width = root.querySelector(".gb-picture").clientWidth;
    lines(width, parts, blocks);
    heads(width);
  }

  const scale = (width) => {
    const last = moments.at(-1).step || 1;
    return (step) => LEFT + ((width - LEFT - 12) * step) / last;
  };

  function lines(width, parts, blocks) {
    const pen = canvas2d(find("[data-id=lines]"), width, PANELS.length * HEIGHT + 20),
      x = scale(width);
    pen.font = `12px ${color("--gb-sans")}`;
    PANELS.forEach(([title, value], panel) => {
      const top = panel * HEIGHT + TOP,
        bottom = (panel + 1) * HEIGHT - 8;
      const values = moments.flatMap((moment) => moment.layers.map(value)).filter((v) => v > 0 && Number.isFinite(v));
      const low = Math.log10(Math.min(...values)),
        high = Math.log10(Math.max(...values));
      const room = Math.max(0.05, (high - low) * 0.06);
      const y = (v) => bottom - ((bottom - top) * (Math.log10(v) - low + room)) / (high - low + 2 * room);
      pen.fillStyle = color("--gb-soft");
      pen.fillText(title, LEFT, top - 6);
      pen.textAlign = "right";
      pen.strokeStyle = color("--gb-line");
      for (const v of [10 ** low, 10 ** ((low + high) / 2), 10 ** high]) {
        pen.fillText(format.number(v), LEFT - 8, y(v) + 4);
        pen.beginPath();
        pen.moveTo(LEFT, y(v));
        pen.lineTo(width - 12, y(v));
        pen.stroke();
      }
      pen.textAlign = "left";
      parts.forEach((name, k) => {
        pen.beginPath();
        pen.strokeStyle = shade(name, blocks);
        pen.lineWidth = 1.6;
        let begun = false;
        for (const { step, layers } of moments) {
          const v = value(layers[k]);
          if (!(v > 0) || !Number.isFinite(v)) continue;
          if (begun) pen.lineTo(x(step), y(v));
          else pen.moveTo(x(step), y(v));
          begun = true;
        }
        pen.stroke();
      });
      pen.lineWidth = 1;
    });
    pen.fillStyle = color("--gb-soft");
    pen.fillText("step 0", LEFT, PANELS.length * HEIGHT + 14);
    pen.textAlign = "right";
    pen.fillText(format.whole(moments.at(-1).step), width - 12, PANELS.length * HEIGHT + 14);
  }

  const rows = () =>
    moments[0].layers.flatMap(({ name, attention_entropy: heads }, k) =>
      heads.map((_, head) => ({ k, head, name: `${named(name)}, head ${head + 1}` })),
    );
  /** The greatest entropy a head can have on average over the positions that were measured. */
  const widest = () => {
    const T = Math.min(told.n_ctx, 256);
    let sum = 0;
    for (let t = 1; t <= T; t += 1) sum += Math.log(t);
    return sum / T;
  };

  function heads(width) {
    const list = rows(),
      height = Math.max(ROW, Math.min(20, 320 / list.length));
    const pen = canvas2d(find("[data-id=heads]"), width, list.length * height + 2);
    const colours = palette("sequential"),
      most = widest(),
      x = scale(width);
    pen.font = `11px ${color("--gb-sans")}`;
    pen.textBaseline = "middle";
    list.forEach(({ k, head }, row) => {
      pen.fillStyle = color("--gb-soft");
      if (head === 0) pen.fillText(named(moments[0].layers[k].name), 0, row * height + height / 2);
      moments.forEach((moment, i) => {
        pen.fillStyle = cssRgb(colours[Math.round(255 * Math.min(1, moment.layers[k].attention_entropy[head] / most))]);
        const left = x(moments[i - 1]?.step ?? 0);
        pen.fillRect(left, row * height + (head === 0 ? 1 : 0), Math.ceil(x(moment.step) - left), height);
      });
    });
    const ramp = canvas2d(find("[data-id=ramp]"), 96, 10);
    colours.forEach((colour, i) => {
      ramp.fillStyle = cssRgb(colour);
      ramp.fillRect((i * 96) / 256, 0, 1, 10);
    });
    find("[data-id=ramp-end]").textContent = `evenly at all before it (${format.number(most)} nats)`;
  }

  find("[data-id=lines]").addEventListener("pointermove", (event) => {
    const x = scale(find("[data-id=lines]").clientWidth),
      far = ({ step }) => Math.abs(x(step) - event.offsetX);
    const [title, value] = PANELS[Math.min(PANELS.length - 1, Math.floor(event.offsetY / HEIGHT))];
    const near = moments.reduce((best, moment) => (far(moment) < far(best) ? moment : best));
    const values = near.layers.map((part) => `${named(part.name)}: ${format.number(value(part))}`);
    tip.show(event.clientX, event.clientY, `step ${format.whole(near.step)}: ${title}`, ...values);
  });
  find("[data-id=heads]").addEventListener("pointermove", (event) => {
    const canvas = find("[data-id=heads]"),
      list = rows(),
      x = scale(canvas.clientWidth);
    const row = list[Math.floor((event.offsetY / canvas.clientHeight) * list.length)];
    const moment = moments.find(({ step }) => x(step) >= event.offsetX);
    if (!row || !moment || event.offsetX < LEFT) return tip.hide();
    const nats = format.number(moment.layers[row.k].attention_entropy[row.head]);
    tip.show(
      event.clientX,
      event.clientY,
      `${row.name}, step ${format.whole(moment.step)}`,
      `${nats} nats of attention entropy`,
    );
  });
  for (const id of ["lines", "heads"]) find(`[data-id=${id}]`).addEventListener("pointerleave", () => tip.hide());

  on("layers", load);
  on("runs", load);
  return { theme: draw, resize: load };
});
