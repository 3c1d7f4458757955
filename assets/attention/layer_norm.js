// A LayerNorm at work on one vector: what comes in, the same with mean 0 and deviation 1, the learned
// gain and bias, and what goes out. A bar for each entry, rows above one another, so that one entry
// can be followed downwards.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";

const LEAST = 48; // CSS pixels of a row

const ROWS = [
  ["before", "in: the residual stream", "--gb-residual"],
  ["normed", "minus mean, divided by deviation", "--gb-ink"],
  ["gain", "gain, learned", "--gb-accent-deep"],
  ["bias", "bias, learned", "--gb-accent-deep"],
  ["after", "out: normed × gain + bias", "--gb-accent"],
];

/**
 * The rows in `box`: draw({ before, normed, gain, bias, after }); point(entry) marks one.
 * @param {HTMLElement} box
 * @param {(entry: number | null) => void} onHover
 */
export const layerNorm = (box, onHover) => {
  const canvas = el("canvas", { role: "img" }),
    marks = el("canvas", { class: "gb-marks", "aria-hidden": "true" });
  box.replaceChildren(canvas, marks);
  let data = null,
    width = 0,
    tall = LEAST;

  function draw(next) {
    data = next;
    if (!data || !box.clientWidth) return;
    const scale = parseFloat(color("--gb-scale")) || 1,
      em = 12.5 * scale,
      count = data.before.length;
    width = box.clientWidth;
    tall = Math.max(LEAST + em, box.clientHeight / ROWS.length);
    const context = canvas2d(canvas, width, tall * ROWS.length),
      step = width / count;
    ROWS.forEach(([name, words, ink], k) => {
      const values = data[name],
        most = values.reduce((top, v) => Math.max(top, Math.abs(v)), 1e-9);
      const top = k * tall + 1.5 * em,
        room = tall - 2 * em,
        middle = top + room / 2;
      context.fillStyle = color("--gb-line");
      context.fillRect(0, Math.round(middle), width, 1);
      context.fillStyle = color(ink);
      for (let i = 0; i < count; i += 1) {
        const long = (values[i] / most) * (room / 2);
        context.fillRect(
          i * step,
          Math.min(middle, middle - long),
          Math.max(0.75, step - (step > 4 ? 1 : 0)),
          Math.abs(long),
        );
      }
      context.font = `${em}px ${color("--gb-sans")}`;
      context.textBaseline = "alphabetic";
      context.textAlign = "left";
      context.fillStyle = color("--gb-ink");
      context.fillText(words, 0, k * tall + 1.1 * em);
      context.textAlign = "right";
      context.fillStyle = color("--gb-soft");
      context.fillText(`largest ± ${format.number(most)}`, width, k * tall + 1.1 * em);
    });
    canvas.setAttribute(
      "aria-label",
      `${count} entries of a vector in five rows: ${ROWS.map((row) => row[1]).join("; ")}`,
    );
    point(null);
  }

  function point(entry) {
    if (!data || !width) return;
    const context = canvas2d(marks, width, tall * ROWS.length),
      step = width / data.before.length;
    if (entry === null) return;
    context.strokeStyle = color("--gb-chosen");
    context.lineWidth = 1.5;
    context.strokeRect(entry * step - 1, 0, Math.max(step, 1) + 2, tall * ROWS.length);
  }
  canvas.addEventListener("pointermove", (event) => {
    if (!data) return;
    const x = event.clientX - canvas.getBoundingClientRect().left;
    onHover(Math.max(0, Math.min(data.before.length - 1, Math.floor((x / width) * data.before.length))));
  });
  canvas.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && onHover(null));
  return { draw, point };
};
