// The learning rate over the steps as a small curve, before anything runs and while it does.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { format } from "../shared/format.js";

const HEIGHT = 56;
let drawn = null;

/**
 * Draw the plan's schedule.
 * @param {(selector: string) => any} find
 * @param {[step: number, rate: number][]} points
 * @param {number | null} step how far a run is
 */
function drawSchedule(find, points, step = null) {
  drawn = { points, step };
  const canvas = find("[data-id=schedule]"),
    width = canvas.parentElement.clientWidth;
  if (!width || !points?.length) return;
  const pen = canvas2d(canvas, width, HEIGHT),
    last = points.at(-1)[0] || 1,
    peak = Math.max(...points.map((p) => p[1]));
  const x = (s) => 1 + ((width - 2) * s) / last,
    y = (rate) => HEIGHT - 2 - ((HEIGHT - 6) * rate) / peak;
  pen.beginPath();
  points.forEach(([s, rate], i) => (i ? pen.lineTo(x(s), y(rate)) : pen.moveTo(x(s), y(rate))));
  pen.strokeStyle = color("--gb-mlp");
  pen.lineWidth = 1.5;
  pen.stroke();
  pen.lineTo(x(last), HEIGHT);
  pen.lineTo(x(points[0][0]), HEIGHT);
  pen.globalAlpha = 0.12;
  pen.fillStyle = color("--gb-mlp");
  pen.fill();
  pen.globalAlpha = 1;
  if (step !== null) {
    pen.fillStyle = color("--gb-accent");
    pen.fillRect(x(Math.min(step, last)) - 1, 0, 2, HEIGHT);
  }
  find("[data-id=schedule-from]").textContent = `rate from ${format.number(points[0][1])}, peak ${format.number(peak)}`;
  find("[data-id=schedule-to]").textContent = `to ${format.number(points.at(-1)[1])}`;
}
/** The same again in other colours, at another width, or further on. */
const redrawSchedule = (find, step = drawn?.step ?? null) => {
  if (drawn) drawSchedule(find, drawn.points, step);
};

export { drawSchedule, redrawSchedule };
