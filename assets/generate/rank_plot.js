// Probability against rank, both on log axes: the whole vocabulary at a glance, with the lines where
// top-k, top-p and min-p cut. One canvas, redrawn whole; never more points than it has columns.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import * as sampler from "../shared/sampler.js";
import { tip } from "../shared/tooltip.js";
import { cutsOf } from "./odds.js";

const FLOOR = 1e-9,
  LEFT = 46,
  RIGHT = 10,
  TOP = 16,
  BOTTOM = 22;

/**
 * The picture in `box`.
 * @param {HTMLElement} box
 */
export const rankPlot = (box) => {
  const canvas = el("canvas", { role: "img" });
  box.append(canvas);
  let view = null,
    width = 0,
    height = 0,
    ink = null;
  // Sizes and colours are known beforehand: asking for them while drawing would lay out the page anew.
  new ResizeObserver(([{ contentRect }]) => {
    [width, height] = [contentRect.width, contentRect.height];
    redraw();
  }).observe(box);
  function redraw() {
    ink = null;
    if (view) draw(view);
  }
  function inks() {
    const font = `${(parseFloat(color("--gb-scale")) || 1) * 12}px ${color("--gb-sans")}`;
    return {
      font,
      soft: color("--gb-soft"),
      line: color("--gb-line"),
      accent: color("--gb-accent"),
      text: color("--gb-ink"),
      paper: color("--gb-paper"),
    };
  }

  const across = (rank) => LEFT + ((width - LEFT - RIGHT) * Math.log(rank)) / Math.log(view.own.length);
  const down = (p) => TOP + ((height - TOP - BOTTOM) * Math.log(Math.max(p, FLOOR))) / Math.log(FLOOR);

  /** Ranks, from 1, at most one a column. */
  function sampled() {
    const n = view.own.length,
      columns = Math.max(2, width - LEFT - RIGHT),
      ranks = [];
    for (let c = 0, last = 0; c <= columns; c += 1) {
      const rank = Math.min(n, Math.max(last + 1, Math.round(n ** (c / columns))));
      if (rank > last) ranks.push(rank);
      last = ranks.at(-1);
      if (last === n) break;
    }
    return ranks;
  }

  const byRank = (order, rank) => order[order.length - rank];
  const shapedP = (id) => Math.exp(view.result.shaped[id] - view.result.best) / view.result.sum;

  function draw(now) {
    view = now;
    if (!width || !height) return;
    const context = canvas2d(canvas, width, height),
      { font, soft, line, accent, text, paper } = (ink ??= inks());
    context.font = font;
    drawAxes(context, soft, line);
    const ranks = sampled(),
      { result, own, ownOrder } = view;
    trace(
      context,
      ranks,
      (rank) => own[byRank(ownOrder, rank)],
      () => true,
      soft,
      1.5,
      0.55,
    );
    const kept = (rank) => result.removed[byRank(result.order, rank)] === sampler.KEPT;
    const shaped = (rank) => shapedP(byRank(result.order, rank));
    trace(context, ranks, shaped, (rank) => !kept(rank), accent, 1.5, 0.45, [2, 3]);
    trace(context, ranks, shaped, kept, accent, 2.5, 1);
    drawCuts(context, text, paper);
    canvas.setAttribute("aria-label", described(ranks));
  }

  function drawAxes(context, soft, line) {
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let p = 1, power = 0; p >= FLOOR * 0.99; p /= 100, power += 2) {
      const y = Math.round(down(p)) + 0.5;
      context.strokeStyle = line;
      context.beginPath();
      context.moveTo(LEFT, y);
      context.lineTo(width - RIGHT, y);
      context.stroke();
      context.fillStyle = soft;
      context.fillText(power === 0 ? "100 %" : power === 2 ? "1 %" : `1e−${power}`, LEFT - 6, y);
    }
    context.textBaseline = "top";
    const y = height - BOTTOM + 6;
    for (let rank = 1; rank <= view.own.length; rank *= 10) {
      const x = across(rank);
      context.textAlign = x > width - 28 ? "right" : rank === 1 ? "left" : "center";
      context.fillText(format.whole(rank), x, y);
    }
  }

  /** A line over the ranks that belong, broken where they don't; a lone rank becomes a dot. */
  function trace(context, ranks, value, belongs, color, lineWidth, alpha, dash = []) {
    context.save();
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = lineWidth;
    context.globalAlpha = alpha;
    context.setLineDash(dash);
    context.lineJoin = "round";
    let pen = false,
      alone = null;
    const dot = () => {
      if (alone) {
        context.fillRect(alone[0] - lineWidth, alone[1] - lineWidth, 2 * lineWidth, 2 * lineWidth);
        alone = null;
      }
    };
    context.beginPath();
    for (const rank of ranks) {
      const p = value(rank);
      if (p < FLOOR || !belongs(rank)) {
        pen = false;
        dot();
        continue;
      }
      const x = across(rank),
        y = down(p);
      if (pen) {
        context.lineTo(x, y);
        alone = null;
      } else {
        dot();
        context.moveTo(x, y);
        alone = [x, y];
      }
      pen = true;
    }
    context.stroke();
    dot();
    context.restore();
  }

  function drawCuts(context, ink, paper) {
    context.setLineDash([5, 4]);
    context.strokeStyle = ink;
    context.lineWidth = 1.2;
    cutsOf(view.result).forEach(({ by, rank, words }, i) => {
      context.beginPath();
      let x, y;
      if (by === "odds") {
        // a level line
        const last = shapedP(byRank(view.result.order, rank)),
          next = shapedP(byRank(view.result.order, Math.min(rank + 1, view.own.length)));
        y = down(Math.sqrt(last * next));
        x = LEFT + 4;
        context.moveTo(LEFT, y);
        context.lineTo(width - RIGHT, y);
        y -= 8;
      } else {
        x = across(Math.min(rank + 0.5, view.own.length));
        context.moveTo(x, TOP);
        context.lineTo(x, height - BOTTOM);
        x += 4;
        y = TOP + 4 + 15 * i;
      }
      context.stroke();
      label(context, words, x, y, ink, paper);
    });
    context.setLineDash([]);
  }

  function label(context, words, x, y, ink, paper) {
    const wide = context.measureText(words).width,
      left = Math.min(x, width - RIGHT - wide - 4);
    context.fillStyle = paper;
    context.globalAlpha = 0.85;
    context.fillRect(left - 2, y - 7, wide + 4, 14);
    context.globalAlpha = 1;
    context.fillStyle = ink;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(words, left, y);
  }

  function described(ranks) {
    const { own, ownOrder } = view,
      at = [1, 10, 100, 1000, 10_000].filter((rank) => rank <= ranks.at(-1));
    const says = at.map((rank) => `rank ${format.whole(rank)} has ${format.probability(own[byRank(ownOrder, rank)])}`);
    const cuts = cutsOf(view.result).map(({ words, rank }) => `${words} cuts after rank ${format.whole(rank)}`);
    return `Probability against rank. In the model: ${[...says, ...cuts].join("; ")}.`;
  }

  canvas.addEventListener("pointermove", (event) => {
    if (!view || !width) return;
    const { left } = canvas.getBoundingClientRect(),
      n = view.own.length;
    const rank = Math.min(n, Math.max(1, Math.round(n ** ((event.clientX - left - LEFT) / (width - LEFT - RIGHT)))));
    const { result, own, label: name } = view,
      id = byRank(result.order, rank);
    tip.show(
      event.clientX,
      event.clientY,
      el("span", { class: "gb-mono" }, `${name(id)}  id ${id}`),
      `rank ${format.whole(rank)} after the settings`,
      `the model's own: ${format.probability(own[id])}`,
      result.removed[id] === sampler.KEPT ? `final: ${format.probability(result.final[id])}` : "removed",
    );
  });
  canvas.addEventListener("pointerleave", () => tip.hide());

  return {
    draw,
    redraw,
    clear() {
      view = null;
      canvas.width = canvas.height = 0;
      canvas.setAttribute("aria-label", "Nothing to show yet");
    },
  };
};
