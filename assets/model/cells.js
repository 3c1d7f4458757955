// A step's tensors on one canvas, to be pointed at and chosen from.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { cellKeys } from "./cell_keys.js";
import { cellSheet, even } from "./cell_sheet.js";

/** @import { Drawn, Place } from "./cell_sheet.js" */

/**
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(place: Place | null, at: { clientX: number, clientY: number }) => void} acts.onHover
 * @param {(place: Place) => void} acts.onPick
 */
export const cells = (box, { onHover, onPick }) => {
  const canvas = el("canvas", { role: "application", "aria-roledescription": "cells", tabindex: "0" }),
    marks = el("canvas", { class: "gb-cell-marks", "aria-hidden": "true" });
  box.replaceChildren(canvas, marks);
  let size = { width: 0, height: 0 },
    sheet = cellSheet(null, 1); // nothing is drawn yet

  /** @param {Drawn} step */
  function draw(step, chosen) {
    const scale = parseFloat(color("--gb-scale")) || 1;
    const atDesk = matchMedia("(min-width: 901px)").matches;
    const lists = step.rows.map((row, i) => ({ ...row, i })).filter(({ axis }) => axis === "T" || axis === "V");
    const vectors = step.rows.map((row, i) => ({ ...row, i })).filter(({ axis }) => axis !== "T" && axis !== "V");
    const width = box.clientWidth,
      height = atDesk ? box.clientHeight : heightOnPhone(step, lists, vectors, width);
    size = { width, height };
    sheet = cellSheet(canvas2d(canvas, width, height), scale);
    const { grids, square, bars, cards } = sheet;
    const narrow = width < 560 * scale;
    if (step.key === "id") cards(step, width, height);
    else if (step.matrix && narrow) {
      const side = square(step, 0, 0, width);
      bars(step, lists[0], 0, side + 12, width, height - side - 12);
    } else if (step.matrix) {
      const side = square(step, 0, 0, Math.min(0.55 * width - 16 * scale, height));
      bars(step, lists[0], side + 32 * scale, 0, width - side - 32 * scale, height);
    } else if (lists.length && vectors.length) {
      const half = narrow ? 0 : Math.floor(0.44 * width),
        list = narrow ? 0.65 * height : height;
      bars(step, lists[0], 0, 0, half ? half - 24 : width, list);
      grids(vectors, half, half ? 0 : list + 12, width - half, half ? height : height - list - 12);
    } else if (lists.length) bars(step, lists[0], 0, 0, width, height);
    else grids(vectors, 0, 0, width, height);
    canvas.setAttribute(
      "aria-label",
      `${step.rows.map((row) => `${row.title}: ${row.values.length} numbers`).join("; ")}. Arrows read them, Enter chooses.`,
    );
    resetKeys(chosen?.join(".") ?? null);
    mark(null, chosen);
  }

  /** On a phone the picture is as tall as it needs to be. */
  function heightOnPhone(step, lists, vectors, width) {
    const side = 14,
      lines = ({ values }) => Math.ceil(values.length / even(values.length, Math.floor(width / side)));
    const ofVectors = vectors.reduce((sum, row) => sum + 34 + lines(row) * side, 0),
      ofLists = lists.length ? 34 + 21 * Math.min(24, Math.max(...lists.map(({ values }) => values.length))) : 0;
    if (step.key === "id") return 64 * Math.ceil(step.tokens.length / Math.floor((width + 8) / 92));
    return Math.max(160, ofVectors + ofLists + (step.matrix ? width + 12 : 0));
  }

  /** Frame the cell that is pointed at, and the one that is chosen. */
  function mark(pointed, chosen) {
    const over = canvas2d(marks, size.width, size.height);
    for (const [cell, ink] of [
      [chosen, "--gb-chosen"],
      [pointed, "--gb-ink"],
    ]) {
      const frame = cell && sheet.frames.get(cell.join("."));
      if (!frame) continue;
      over.strokeStyle = color(ink);
      over.lineWidth = 2;
      over.strokeRect(frame[0] - 1, frame[1] - 1, frame[2] + 2, frame[3] + 2);
    }
    marks.dataset.chosen = chosen?.join(".") ?? "";
  }

  function under(event) {
    const at = canvas.getBoundingClientRect(),
      [x, y] = [event.clientX - at.left, event.clientY - at.top];
    const area = sheet.areas.find(
      (one) => x >= one.left && y >= one.top && x < one.left + one.width && y < one.top + one.height,
    );
    return area?.at(x - area.left, y - area.top) ?? null;
  }
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") onHover(under(event), event);
  });
  canvas.addEventListener("pointerleave", (event) => onHover(null, event));
  canvas.addEventListener("click", (event) => {
    const place = under(event);
    if (!place) return;
    onPick(place);
    onHover(place, event); // without a mouse, a tap reads
  });

  const resetKeys = cellKeys(canvas, () => sheet.frames, { onHover, onPick });
  return { draw, mark };
};
