// Numbers as rows of bars that stand above one another: the dimensions of a vector, or one bar a
// token. Pointing at one marks that place in all rows.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";

/**
 * Rows of bars in `box`.
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(i: number | null, event: Event) => void} acts.onHover hears of a bar; null when the pointer leaves
 * @param {((i: number) => void) | null} [acts.onPick] where bars can be chosen
 */
export const strips = (box, { onHover, onPick = null }) => {
  const canvas = el("canvas", { role: "img" }),
    marks = el("canvas", { class: "gb-marks", "aria-hidden": "true" });
  box.replaceChildren(canvas, marks);
  const atDesk = matchMedia("(min-width: 901px)");
  let shape = null;
  if (onPick) canvas.style.cursor = "pointer";

  /**
   * `rows`: [{ name, values, ink, most }], where `most` is the size of a full bar; `labels` stand
   * below, where they fit; `chosen` is a place drawn strongly while the others are paler.
   */
  function draw(rows, { name, labels = null, chosen = null }) {
    const scale = parseFloat(color("--gb-scale")) || 1,
      letter = 12.5 * scale,
      count = rows[0].values.length;
    const cell = Math.min((box.clientWidth - 1) / count, 40 * scale),
      width = cell * count;
    const named = labels !== null && cell >= letter;
    const heads = 1.5 * letter,
      foot = named ? 74 * scale : 4,
      free = (box.clientHeight - foot) / rows.length - heads - 6;
    // One row of bars: at a desk the box has a height of its own, on a phone it grows with them.
    const plot = atDesk.matches ? Math.max(16, Math.min(240 * scale, free)) : 48 * scale;
    const full = Math.max(width, Math.min(box.clientWidth, 320 * scale));
    const height = rows.length * (heads + plot + 6) + foot;
    shape = { cell, width, count, full, height, rows: rows.map((_, i) => i * (heads + plot + 6) + heads), plot };
    const context = canvas2d(canvas, full, height);
    context.textBaseline = "alphabetic";
    rows.forEach((row, i) => {
      const top = shape.rows[i],
        below = row.values.some((x) => x < 0),
        zero = below ? top + plot / 2 : top + plot;
      const unit = (below ? plot / 2 : plot) / (row.most || 1);
      context.font = `600 ${letter}px ${color("--gb-sans")}`;
      context.fillStyle = color(row.ink);
      context.fillText(row.name, 0, top - 0.45 * letter);
      const after = context.measureText(row.name).width + 8;
      context.font = `${letter}px ${color("--gb-sans")}`;
      context.fillStyle = color("--gb-soft");
      context.fillText(`full bar ${format.number(row.most)}`, after, top - 0.45 * letter);
      context.fillStyle = color("--gb-line");
      context.fillRect(0, Math.round(zero) - 0.5, width, 1);
      context.fillStyle = color(row.ink);
      row.values.forEach((x, k) => {
        context.globalAlpha = chosen === null || chosen === k ? 1 : 0.45;
        const tall = Math.max(Math.abs(x) * unit, 0.5);
        context.fillRect(k * cell, x < 0 ? zero : zero - tall, Math.max(cell - (cell > 3 ? 1 : 0), 0.5), tall);
      });
      context.globalAlpha = 1;
    });
    if (named) {
      context.font = `${letter}px ${color("--gb-mono")}`;
      context.fillStyle = color("--gb-soft");
      context.textBaseline = "middle";
      context.textAlign = "right";
      labels.forEach((text, k) => {
        const letters = Array.from(text);
        context.save();
        context.translate((k + 0.5) * cell, height - foot + 6);
        context.rotate(-Math.PI / 2);
        if (k === chosen) context.fillStyle = color("--gb-ink");
        context.fillText(letters.length > 8 ? `${letters.slice(0, 7).join("")}…` : text, 0, 0);
        context.restore();
      });
    }
    canvas.setAttribute("aria-label", name);
    mark(null, chosen);
  }

  function mark(pointed, chosen = null) {
    const context = canvas2d(marks, shape.full, shape.height);
    for (const [i, ink] of [
      [chosen, "--gb-chosen"],
      [pointed, "--gb-ink"],
    ]) {
      if (i === null) continue;
      context.strokeStyle = color(ink);
      context.lineWidth = 1.5;
      for (const top of shape.rows) context.strokeRect(i * shape.cell - 0.5, top, Math.max(shape.cell, 2), shape.plot);
    }
    shape.chosen = chosen;
  }

  function under(event) {
    if (!shape) return null;
    const i = Math.floor((event.clientX - canvas.getBoundingClientRect().left) / shape.cell);
    return i >= 0 && i < shape.count ? i : null;
  }
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch" || !shape) return;
    mark(under(event), shape.chosen);
    onHover(under(event), event);
  });
  canvas.addEventListener("pointerleave", (event) => {
    if (shape) mark(null, shape.chosen);
    onHover(null, event);
  });
  canvas.addEventListener("click", (event) => {
    const i = under(event);
    if (i === null) return;
    if (onPick) onPick(i);
    else onHover(i, event); // without a mouse, a tap reads
  });
  return { draw };
};
