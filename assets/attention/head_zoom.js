// One head, large: rows are the tokens that look, columns the tokens they look at. Like the grid it
// is two canvases: the picture with its labels, and above it the crosshair.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { visible } from "../shared/tokens/visible.js";
import * as heat from "./heat.js";

/** @import { Cell } from "./focus.js" */

const WORDS = 150, // room for the names of the axes, in CSS pixels
  LARGEST = 110; // side of a cell

/** Half a window, for a box that grows with what is in it. */
const halfWindow = (scale) => Math.max(300, innerHeight / 2 - 80 * (scale - 1)) + WORDS * scale;

/**
 * One head in `box`; both are told the cell, or null beside the picture.
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(cell: Cell | null, event: Event) => void} acts.onHover
 * @param {(cell: Cell | null) => void} acts.onPick
 * @param {number} [acts.longest] characters of a label, after which it is cut; fewer where letters are larger
 * @param {(scale: number) => number} [acts.tall] pixels that the picture with its labels may be high
 */
export const headZoom = (box, { onHover, onPick, longest = 12, tall = halfWindow }) => {
  const canvas = el("canvas", { role: "img", tabindex: "0" });
  const marks = el("canvas", { class: "gb-marks", "aria-hidden": "true" });
  box.replaceChildren(canvas, marks);
  let shape = null; // where things are, in CSS pixels

  const short = (text, most) => {
    const letters = Array.from(visible(text));
    return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : letters.join("");
  };

  /** Margins for the labels, then cells of as many whole pixels as fit, or of any size where that would waste a tenth. */
  function measure(tokens) {
    const scale = parseFloat(color("--gb-scale")) || 1,
      ratio = devicePixelRatio || 1,
      T = tokens.length;
    const letter = 12.5 * scale,
      font = `${letter}px ${color("--gb-mono")}`,
      words = `${letter}px ${color("--gb-sans")}`;
    const pen = canvas.getContext("2d");
    pen.font = font;
    const labels = tokens.map((token) => short(token.text, Math.round(longest / scale)));
    const margin = 26 * scale + Math.max(3 * letter, ...labels.map((text) => pen.measureText(text).width)) + 6;
    const most = Math.max(120, Math.min(box.clientWidth, tall(scale)) - margin - 2) * ratio;
    const cells = Math.min(Math.floor(most / T), Math.round(LARGEST * scale * ratio)) * T,
      capped = LARGEST * scale * ratio * T < most;
    const pixels = capped || cells > 0.9 * most ? cells : Math.floor(most); // of the device, along one side
    const side = pixels / ratio,
      extent = Math.ceil(margin) + Math.max(side, WORDS * scale) + 1;
    return {
      T,
      scale,
      ratio,
      font,
      words,
      letter,
      labels,
      margin: Math.ceil(margin),
      pixels,
      side,
      extent,
      cell: side / T,
    };
  }

  /** Draw one head's triangle, in the given colours. */
  function draw(tokens, triangle, triangleSide, muted, name, inks = heat.inks(muted)) {
    shape = measure(tokens);
    const { margin, side, pixels, ratio, cell, labels } = shape;
    const context = canvas2d(canvas, shape.extent, shape.extent);
    const image = context.createImageData(pixels, pixels);
    heat.paint(image, 0, 0, pixels, triangle, triangleSide, inks);
    context.putImageData(image, Math.round(margin * ratio), Math.round(margin * ratio));
    context.strokeStyle = color("--gb-line");
    context.lineWidth = 1;
    context.strokeRect(margin - 0.5, margin - 0.5, side + 1, side + 1);

    const every = Math.ceil((shape.letter * 1.05) / cell); // labels that would touch are left out
    const quiet = color("--gb-soft");
    for (let i = 0; i < shape.T; i += every) {
      write(context, i, "row", quiet);
      write(context, i, "column", quiet);
    }
    context.font = shape.words;
    context.textAlign = "left";
    context.fillStyle = color("--gb-key");
    context.fillText("these tokens →", margin, shape.letter * 0.7);
    context.save();
    context.translate(shape.letter * 0.7, margin + WORDS * shape.scale);
    context.rotate(-Math.PI / 2);
    context.fillStyle = color("--gb-query");
    context.fillText("← this token looks at", 0, 0);
    context.restore();
    canvas.setAttribute(
      "aria-label",
      `${name}: how strongly each of ${labels.length} tokens looks at itself ` +
        "and those before it. Shift and the arrow keys move through the cells.",
    );
    canvas2d(marks, shape.extent, shape.extent);
  }

  /** A token's label beside its row or above its column; with `ground`, as a tag of that colour. */
  function write(context, i, axis, ink, ground = null) {
    const { margin, cell, labels, font, letter } = shape;
    context.save();
    context.font = font;
    context.textBaseline = "middle";
    context.textAlign = axis === "row" ? "right" : "left";
    if (axis === "row") context.translate(margin - 5, margin + (i + 0.5) * cell);
    else {
      context.translate(margin + (i + 0.5) * cell, margin - 5);
      context.rotate(-Math.PI / 2);
    }
    if (ground) {
      const width = context.measureText(labels[i]).width;
      context.fillStyle = ground;
      context.beginPath();
      context.roundRect(axis === "row" ? -width - 4 : -4, -0.7 * letter, width + 8, 1.4 * letter, 3);
      context.fill();
    }
    context.fillStyle = ink;
    context.fillText(labels[i], 0, 0);
    context.restore();
  }

  /** The crosshair: the row in the colour of queries, the column in that of keys; none for null. */
  function point(at, pinned) {
    if (!shape) return;
    const { margin, side, cell, scale } = shape,
      band = Math.max(cell, 1),
      paper = color("--gb-paper");
    const context = canvas2d(marks, shape.extent, shape.extent);
    if (at === null) return;
    const { row, column } = at;
    context.lineWidth = (pinned ? 2 : 1.25) * scale;
    if (column !== null) {
      context.strokeStyle = color("--gb-key");
      context.strokeRect(margin + column * cell, margin, band, side);
      write(context, column, "column", paper, color("--gb-key"));
    }
    context.strokeStyle = color("--gb-query");
    context.strokeRect(margin, margin + row * cell, side, band);
    write(context, row, "row", paper, color("--gb-query"));
    if (column !== null) {
      context.strokeStyle = color("--gb-chosen");
      context.lineWidth = 2.5 * scale;
      context.strokeRect(margin + column * cell, margin + row * cell, band, band);
    }
  }

  /** The cell under the pointer; beside the triangle, or on a label, only its row. */
  function under(event) {
    if (!shape) return null;
    const area = canvas.getBoundingClientRect(),
      { margin, cell, T } = shape;
    const [column, row] = [event.clientX - area.left, event.clientY - area.top].map((x) =>
      Math.floor((x - margin) / cell),
    );
    if (row < 0 || row >= T || column >= T) return null;
    return { row, column: column < 0 || column > row ? null : column };
  }
  canvas.addEventListener("pointermove", (event) => event.pointerType !== "touch" && onHover(under(event), event));
  canvas.addEventListener("pointerleave", (event) => onHover(null, event));
  canvas.addEventListener("click", (event) => onPick(under(event)));
  return { draw, point };
};
