// The pictures of the layers: lines of norms and strips of attention entropy, each as large as its box.
import { canvas2d } from "../shared/canvas.js";
import { color, cssRgb, palette } from "../shared/colour.js";
import { format } from "../shared/format.js";
import { inRoom } from "../shared/presenting.js";

/**
 * What is drawn of each part of the model, one chart above the other.
 * @type {[string, (part: Record<string, number>) => number][]}
 */
const PANELS = [
  ["weights", (part) => part.weight_norm],
  ["gradient, before clipping", (part) => part.grad_norm],
  ["last update, as a share of the weights", (part) => part.update_norm / part.weight_norm],
];
const RIGHT = 12;

/** Sizes in CSS pixels, for a desk or for a room. */
const sizes = () =>
  inRoom() ? { font: 20, left: 96, foot: 30, line: 3 } : { font: 12, left: 60, foot: 20, line: 1.6 };

/** A pen over the whole box around a canvas, and how large that is. */
function over(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas.parentElement,
    pen = canvas2d(canvas, width, height);
  pen.font = `${sizes().font}px ${color("--gb-sans")}`;
  return { pen, width, height };
}
const place = (width, moments) => {
  const { left } = sizes(),
    last = moments.at(-1).step || 1;
  return (step) => left + ((width - left - RIGHT) * step) / last;
};
function steps(pen, width, height, moments) {
  pen.fillStyle = color("--gb-soft");
  pen.textBaseline = "alphabetic";
  pen.textAlign = "left";
  pen.fillText("step 0", sizes().left, height - 5);
  pen.textAlign = "right";
  pen.fillText(format.whole(moments.at(-1).step), width - RIGHT, height - 5);
}
function mark(pen, x, height) {
  pen.strokeStyle = color("--gb-accent");
  pen.lineWidth = 1;
  pen.setLineDash([3, 3]);
  pen.beginPath();
  pen.moveTo(x, 0);
  pen.lineTo(x, height);
  pen.stroke();
  pen.setLineDash([]);
}

/** moments: [{ step, layers }]; at: the one to mark; shades: a colour for each part. */
function drawLines(canvas, { moments, at, shades }) {
  const { pen, width, height } = over(canvas),
    { font, left, foot, line } = sizes(),
    x = place(width, moments),
    each = (height - foot) / PANELS.length;
  PANELS.forEach(([title, value], panel) => {
    const top = panel * each + font * 1.6,
      bottom = (panel + 1) * each - 8;
    const values = moments.flatMap((moment) => moment.layers.map(value)).filter((v) => v > 0 && Number.isFinite(v));
    const low = Math.log10(Math.min(...values)),
      high = Math.log10(Math.max(...values));
    const room = Math.max(0.05, (high - low) * 0.06);
    const y = (v) => bottom - ((bottom - top) * (Math.log10(v) - low + room)) / (high - low + 2 * room);
    pen.fillStyle = color("--gb-soft");
    pen.textAlign = "left";
    pen.fillText(title, left, top - font * 0.4);
    pen.textAlign = "right";
    pen.strokeStyle = color("--gb-line");
    pen.lineWidth = 1;
    for (const v of [10 ** low, 10 ** ((low + high) / 2), 10 ** high]) {
      pen.fillText(format.number(v), left - 8, y(v) + font / 3);
      pen.beginPath();
      pen.moveTo(left, y(v));
      pen.lineTo(width - RIGHT, y(v));
      pen.stroke();
    }
    shades.forEach((shade, k) => {
      pen.beginPath();
      pen.strokeStyle = shade;
      pen.lineWidth = line;
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
  });
  mark(pen, x(moments[at].step), height - foot);
  steps(pen, width, height, moments);
}

/** heads: [{ k, head, first, block }], a row each; row: the one to mark; widest: the entropy at the palette's end. */
function drawHeads(canvas, ramp, { moments, at, heads, row, widest }) {
  const { pen, width, height } = over(canvas),
    { font, left, foot } = sizes(),
    tall = (height - foot) / heads.length,
    colours = palette("sequential"),
    x = place(width, moments);
  heads.forEach(({ k, head, first, block }, i) => {
    const top = i * tall;
    pen.fillStyle = color("--gb-soft");
    pen.textBaseline = "top";
    pen.textAlign = "left";
    if (first) pen.fillText(block, 0, top + 3, left - 8);
    moments.forEach((moment, m) => {
      pen.fillStyle = cssRgb(colours[Math.round(255 * Math.min(1, moment.layers[k].attention_entropy[head] / widest))]);
      const from = x(moments[m - 1]?.step ?? 0);
      pen.fillRect(
        from,
        top + (first ? 2 : 0.5),
        Math.ceil(x(moment.step) - from),
        Math.max(1, tall - (first ? 2 : 0.5)),
      );
    });
    if (tall < font + 2) return;
    pen.fillStyle = color("--gb-soft");
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    pen.fillText(head, left - 6, top + tall / 2);
  });
  pen.strokeStyle = color("--gb-accent");
  pen.lineWidth = 2;
  pen.strokeRect(left, row * tall + 1, width - left - RIGHT, tall - 2);
  mark(pen, x(moments[at].step), height - foot);
  steps(pen, width, height, moments);
  const key = canvas2d(ramp, 96, 10);
  colours.forEach((colour, i) => {
    key.fillStyle = cssRgb(colour);
    key.fillRect((i * 96) / 256, 0, 1, 10);
  });
}

/** Which moment is nearest to a place across a canvas. */
function momentAt(canvas, moments, offsetX) {
  const x = place(canvas.clientWidth, moments),
    far = (i) => Math.abs(x(moments[i].step) - offsetX);
  return moments.reduce((best, _, i) => (far(i) < far(best) ? i : best), 0);
}
const slot = (canvas, count, offsetY) =>
  Math.max(0, Math.min(count - 1, Math.floor((offsetY / (canvas.clientHeight - sizes().foot)) * count)));
/** Which of PANELS lies at a height of the lines' canvas, and which head at one of the strips'. */
const panelAt = (canvas, offsetY) => slot(canvas, PANELS.length, offsetY);
const headAt = (canvas, heads, offsetY) => slot(canvas, heads.length, offsetY);

export { drawHeads, drawLines, headAt, momentAt, PANELS, panelAt };
