// How a token is drawn: the final probabilities laid end to end, in the order of their ids as the
// sampler lays them, and a pointer that falls where the seed's next random number says.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { calm } from "../shared/motion.js";
import { tip } from "../shared/tooltip.js";

const HIGH = 26;
const SPANS = { slow: 2400, normal: 600, skip: 0 };

/**
 * The stacked bar in `box`.
 * @param {HTMLElement} box
 * @param {(words: string) => void} say hears where the pointer fell
 */
export const drawPointer = (box, say) => {
  const canvas = el("canvas", { role: "img", "aria-label": "The final probabilities laid end to end" });
  const pointer = el("i", { class: "gb-needle-pointer", "aria-hidden": "true", hidden: true });
  box.append(el("div", { class: "gb-needle-bar" }, canvas, pointer));
  let view = null,
    width = 0,
    ink = null;
  // As in rank_plot.js, nothing is measured while drawing.
  new ResizeObserver(([{ contentRect }]) => {
    width = contentRect.width;
    redraw();
  }).observe(canvas.parentElement);
  function redraw() {
    ink = null;
    if (view) draw(view);
  }
  function inks() {
    const scale = parseFloat(color("--gb-scale")) || 1;
    return {
      scale,
      font: `${12.5 * scale}px ${color("--gb-mono")}`,
      accent: color("--gb-accent"),
      text: color("--gb-ink"),
      paper: color("--gb-paper"),
    };
  }

  function draw(now) {
    view = now;
    if (!width) return;
    const { scale, font, accent, text, paper } = (ink ??= inks()),
      high = HIGH * scale;
    const context = canvas2d(canvas, width, high),
      { final } = view.result;
    context.fillStyle = accent;
    context.globalAlpha = 0.12;
    context.fillRect(0, 0, width, high);
    context.globalAlpha = 1;
    context.font = font;
    context.textBaseline = "middle";
    let end = 0;
    for (let id = 0; id < final.length; id += 1) {
      if (final[id] === 0) continue;
      const x = end * width,
        w = final[id] * width;
      end += final[id];
      if (w < 0.75) continue; // too thin to see: they share the pale ground
      context.fillStyle = accent;
      context.globalAlpha = 0.22 + 0.3 * Math.sqrt(final[id]);
      context.fillRect(x, 0, w, high);
      context.globalAlpha = 1;
      context.fillStyle = paper;
      context.fillRect(x + w - 0.5, 0, 0.5, high);
      if (w > 26 * scale) name(context, view.label(id), x, w, high, text);
    }
  }

  function name(context, label, x, w, high, ink) {
    const room = Math.floor((w - 8) / context.measureText("m").width);
    if (room < 2 && label.length > room) return;
    context.fillStyle = ink;
    context.fillText(label.length > room ? `${label.slice(0, room - 1)}…` : label, x + 4, high / 2 + 0.5);
  }

  function at(share) {
    const { final } = view.result;
    let from = 0;
    for (let id = 0; id < final.length; id += 1) {
      if (final[id] > 0 && share <= from + final[id]) return { id, from, to: from + final[id] };
      from += final[id];
    }
    return null;
  }
  canvas.addEventListener("pointermove", (event) => {
    if (!view || !width) return;
    const found = at((event.clientX - canvas.getBoundingClientRect().left) / width);
    if (!found) return tip.hide();
    tip.show(
      event.clientX,
      event.clientY,
      el("span", { class: "gb-mono" }, `${view.label(found.id)}  id ${found.id}`),
      `drawn with ${format.probability(view.result.final[found.id])}`,
      `by numbers from ${found.from.toFixed(4)} to ${found.to.toFixed(4)}`,
    );
  });
  canvas.addEventListener("pointerleave", () => tip.hide());

  return {
    draw,
    redraw,
    rest() {
      pointer.hidden = true;
    },
    /** Let the pointer fall on `share`: "slow", "normal" or "skip", within `most` milliseconds; a hurried person ends it. */
    async fall(share, id, pace, most, hurried) {
      if (!view || !width) return;
      const tell = () => {
        say(
          `The random number ${share.toFixed(4)} falls on ${view.label(id)}, ` +
            `drawn with ${format.probability(view.result.final[id])}.`,
        );
      };
      pointer.hidden = false;
      pointer.style.left = `${100 * share}%`;
      const span = calm() ? 0 : Math.min(SPANS[pace], most);
      if (!span) return tell();
      const swing = pointer.animate(
        [
          { left: "0%", offset: 0 },
          { left: `${Math.min(100, 100 * share + 6)}%`, offset: 0.7 },
          { left: `${100 * share}%`, offset: 1 },
        ],
        { duration: span, easing: "cubic-bezier(.2,.7,.2,1)" },
      );
      hurried(() => swing.finish());
      await swing.finished;
      tell();
    },
    clear() {
      view = null;
      canvas.width = canvas.height = 0;
      this.rest();
    },
  };
};
