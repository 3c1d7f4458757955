// The bars as a picture to take along, in the colours of the theme that is on.
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import * as sampler from "../shared/sampler.js";
import { visible } from "../shared/tokens/visible.js";
import { stepName } from "./arithmetic.js";
import { leaders } from "./odds.js";

/** The twenty likeliest tokens of a view, before and after the samplers, on a canvas. */
export function oddsPicture({ place, view }) {
  const ids = leaders(view.result, 20);
  const wide = 960,
    row = 26,
    top = 84,
    canvas = el("canvas"),
    sans = color("--gb-sans"),
    mono = color("--gb-mono");
  canvas.width = wide * 2;
  canvas.height = (top + ids.length * row + 28) * 2;
  const c = canvas.getContext("2d");
  c.scale(2, 2);
  const write = (text, x, y, font, fill, align = /** @type {CanvasTextAlign} */ ("left"), room = undefined) => {
    c.font = font;
    c.fillStyle = fill;
    c.textAlign = align;
    c.textBaseline = "middle";
    c.fillText(text, x, y, room);
  };
  const ink = color("--gb-ink"),
    soft = color("--gb-soft");
  c.fillStyle = color("--gb-paper");
  c.fillRect(0, 0, wide, canvas.height);
  const tail = visible(place.prompt.slice(-90));
  write("The next token", 24, 28, `600 18px ${sans}`, ink);
  write(`after “${place.prompt.length > 90 ? "…" : ""}${tail}”`, 156, 29, `14px ${mono}`, soft, "left", wide - 180);
  const does = view.result.steps.map((step) => stepName(step.name, step.value)).join(" · ");
  write(does || "the model's own odds: every sampler is off", 24, 56, `14px ${sans}`, soft, "left", wide - 48);
  const most = ids.reduce((best, id) => Math.max(best, view.own[id], view.result.final[id]), 0),
    from = 190,
    long = wide - from - 190;
  ids.forEach((id, i) => {
    const y = top + i * row,
      middle = y + row / 2,
      removed = view.result.removed[id] !== sampler.KEPT;
    write(view.label(id), 24, middle, `14px ${mono}`, removed ? soft : ink, "left", 150);
    c.globalAlpha = removed ? 0.25 : 0.4;
    c.fillStyle = soft;
    c.fillRect(from, y + 3, (long * view.own[id]) / most, row - 6);
    c.globalAlpha = 1;
    c.fillStyle = color("--gb-accent");
    c.fillRect(from, y + 8, (long * view.result.final[id]) / most, row - 16);
    write(format.probability(view.own[id]), wide - 104, middle, `13px ${mono}`, soft, "right");
    write(
      removed ? "removed" : format.probability(view.result.final[id]),
      wide - 24,
      middle,
      `13px ${mono}`,
      removed ? soft : ink,
      "right",
    );
  });
  write(
    "grey: the model's own probability; colour: after the settings",
    24,
    top + ids.length * row + 14,
    `12px ${sans}`,
    soft,
  );
  return canvas;
}
