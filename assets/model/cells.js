// A step's tensors on one canvas: vectors as cells, a head's square of scores, and a bar for each token.
import { canvas2d } from "../shared/canvas.js";
import { color, cssRgb, palette } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";

/** @import { Row } from "./formula.js" */
/**
 * @typedef {object} Drawn
 * @property {string} key of the step
 * @property {Row[]} rows
 * @property {Float32Array | null} matrix
 * @property {{ text: string, id: number }[]} tokens of the prompt
 * @property {{ text: string, id: number }[]} named tokens of a row over the vocabulary
 * @property {number} position
 * @typedef {{ row: number, cell: number } | { across: number, down: number }} Place of a cell, or of one of the square
 */

const LARGEST = 30, // CSS pixels of a cell's side
  FUTURE = -Infinity;
const INKS = {
  query: "--gb-query",
  key: "--gb-key",
  value: "--gb-value",
  residual: "--gb-residual",
  mlp: "--gb-mlp",
  chosen: "--gb-chosen",
};
export const inkOf = (role) => INKS[role];

const sizeOf = (values) => values.reduce((top, x) => (Number.isFinite(x) ? Math.max(top, Math.abs(x)) : top), 0);
const lengthOf = (values) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));

/**
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(place: Place | null, event: PointerEvent | MouseEvent) => void} acts.onHover
 * @param {(place: Place) => void} acts.onPick
 */
export const cells = (box, { onHover, onPick }) => {
  const canvas = el("canvas", { role: "img" }),
    marks = el("canvas", { class: "gb-marks", "aria-hidden": "true" });
  box.replaceChildren(canvas, marks);
  /** @type {{ left: number, top: number, width: number, height: number, at: (x: number, y: number) => Place | null }[]} */
  let areas = [];
  let size = { width: 0, height: 0 },
    frames = new Map(); // "row.cell" -> where that cell is
  let pen = null,
    scale = 1;

  /** @param {Drawn} step */
  function draw(step, chosen) {
    scale = parseFloat(color("--gb-scale")) || 1;
    const atDesk = matchMedia("(min-width: 901px)").matches;
    const lists = step.rows.map((row, i) => ({ ...row, i })).filter(({ axis }) => axis === "T" || axis === "V");
    const vectors = step.rows.map((row, i) => ({ ...row, i })).filter(({ axis }) => axis !== "T" && axis !== "V");
    const width = box.clientWidth,
      height = atDesk ? box.clientHeight : heightOnPhone(step, lists, vectors, width);
    size = { width, height };
    areas = [];
    frames = new Map();
    pen = canvas2d(canvas, width, height);
    const left = step.matrix ? Math.min(0.55 * width, height) : 0;
    if (step.matrix) square(step, 0, 0, Math.min(left - 16 * scale, height));
    if (lists.length && vectors.length) {
      const half = Math.floor(0.44 * width);
      bars(step, lists[0], 0, 0, half - 24, height);
      grids(vectors, half, 0, width - half, height);
    } else if (lists.length) bars(step, lists[0], left, 0, width - left, height);
    else grids(vectors, 0, 0, width, height);
    canvas.setAttribute("aria-label", step.rows.map((row) => `${row.title}: ${row.values.length} numbers`).join("; "));
    mark(null, chosen);
  }

  function heightOnPhone(step, lists, vectors, width) {
    const rows = vectors.reduce(
      (sum, { values }) => sum + 24 + Math.ceil(values.length / Math.floor(width / 14)) * 14 + 10,
      0,
    );
    return Math.max(
      200,
      Math.min(1200, rows),
      lists.length ? Math.min(26, Math.max(...lists.map(({ values }) => values.length))) * 22 + 30 : 0,
      step.matrix ? width * 0.6 : 0,
    );
  }

  function words(text, x, y, ink, { font = "--gb-sans", bold = false, align = "left", most = Infinity } = {}) {
    pen.font = `${bold ? "600 " : ""}${12.5 * scale}px ${color(font)}`;
    pen.fillStyle = color(ink);
    pen.textAlign = align;
    pen.textBaseline = "middle";
    let shown = text;
    while (shown.length > 1 && pen.measureText(shown).width > most)
      shown = `${Array.from(shown).slice(0, -2).join("")}…`;
    pen.fillText(shown, x, y);
    return pen.measureText(shown).width;
  }

  /** The colour of each number: both ways from zero, or from zero up where none is negative. */
  function inks(values) {
    const most = sizeOf(values) || 1,
      both = values.some((x) => x < 0 && x !== FUTURE);
    const map = palette(both ? "diverging" : "sequential").map(cssRgb);
    return {
      most,
      both,
      ink: (x) => (x === FUTURE ? null : map[Math.round(both ? 127.5 * (1 + x / most) : (255 * x) / most)]),
    };
  }

  /** Vectors, one under the other, each as many lines of cells as it takes. */
  function grids(rows, left, top, width, height) {
    const head = 24 * scale,
      gap = 10 * scale;
    const free = height - rows.length * (head + gap) + gap;
    const tall = (side) =>
      rows.reduce(
        (sum, { values }) => sum + Math.ceil(values.length / Math.max(1, Math.floor(width / side))) * side,
        0,
      );
    let side = LARGEST * scale;
    while (side > 2 && tall(side) > free) side -= side > 8 ? 1 : 0.5;
    let y = top;
    for (const { name, title, role, values, i } of rows) {
      const { most, both, ink } = inks(values),
        across = Math.max(1, Math.floor(width / side));
      const after = words(title, left, y + head / 2, INKS[role], { bold: true });
      const range = `${name}: ${values.length} numbers, ${both ? "±" : "up to "}${format.number(most)}, length ${format.number(lengthOf(values))}`;
      words(range, left + after + 12 * scale, y + head / 2, "--gb-soft", { most: width - after - 12 * scale });
      const start = y + head,
        gapped = side >= 5 ? 1 : 0;
      values.forEach((x, k) => {
        const at = [left + (k % across) * side, start + Math.floor(k / across) * side];
        pen.fillStyle = ink(x);
        pen.fillRect(at[0], at[1], side - gapped, side - gapped);
        frames.set(`${i}.${k}`, [...at, side - gapped, side - gapped]);
      });
      const lines = Math.ceil(values.length / across);
      pen.strokeStyle = color("--gb-line");
      pen.strokeRect(
        left - 0.5,
        start - 0.5,
        Math.min(values.length, across) * side + 1 - gapped,
        lines * side + 1 - gapped,
      );
      areas.push({
        left,
        top: start,
        width: across * side,
        height: lines * side,
        at: (dx, dy) => {
          const cell = Math.floor(dy / side) * across + Math.floor(dx / side);
          return cell < values.length ? { row: i, cell } : null;
        },
      });
      y = start + lines * side + gap;
    }
  }

  /** A head's scores of every token with every token; the row of the followed one is framed. */
  function square({ matrix, tokens, position, rows }, left, top, most) {
    const T = tokens.length,
      head = 24 * scale,
      side = Math.max(2, Math.floor(Math.min(26 * scale, (most - head) / T)));
    const { ink } = inks(matrix);
    words("this head, every token", left, top + head / 2, INKS[rows[0].role], { bold: true });
    for (let down = 0; down < T; down += 1)
      for (let across = 0; across < T; across += 1) {
        pen.fillStyle = ink(matrix[down * T + across]) ?? color("--gb-raised");
        pen.fillRect(
          left + across * side,
          top + head + down * side,
          side - (side > 5 ? 1 : 0),
          side - (side > 5 ? 1 : 0),
        );
      }
    pen.strokeStyle = color("--gb-chosen");
    pen.lineWidth = 2;
    pen.strokeRect(left - 1, top + head + position * side - 1, T * side + 1, side + 1);
    pen.lineWidth = 1;
    areas.push({
      left,
      top: top + head,
      width: T * side,
      height: T * side,
      at: (dx, dy) => ({ across: Math.floor(dx / side), down: Math.floor(dy / side) }),
    });
  }

  /** A bar for each token, in columns where there are many; the largest where not all fit. */
  function bars({ tokens, named, key }, row, left, top, width, height) {
    const head = 24 * scale,
      line = 21 * scale,
      plain = key === "id";
    const { values, axis, role, title, i } = row;
    const of = axis === "V" ? named : tokens;
    const lines = Math.max(1, Math.floor((height - head) / line)),
      wide = (plain ? 128 : 196) * scale;
    const columns = Math.max(1, Math.min(Math.floor(width / wide), Math.ceil(values.length / lines)));
    const room = lines * columns,
      all = [...values.keys()];
    const seen =
      values.length <= room
        ? all
        : all
            .sort((a, b) => values[b] - values[a])
            .slice(0, room)
            .sort((a, b) => (axis === "V" ? 0 : a - b));
    const { most, both } = inks(values),
      each = width / columns,
      few = seen.length < values.length ? `, the ${seen.length} largest of ${values.length}` : "";
    words(`${title}${few}`, left, top + head / 2, INKS[role], { bold: true, most: width });
    const down = Math.ceil(seen.length / columns);
    seen.forEach((k, n) => {
      const x = left + Math.floor(n / down) * each,
        y = top + head + (n % down) * line,
        value = values[k],
        name = 84 * scale,
        digits = (plain ? 40 : 66) * scale,
        span = Math.max(8, Math.min(each, 420 * scale) - name - digits - 20 * scale);
      words(visible(of[k].text), x + name - 6 * scale, y + line / 2, "--gb-ink", {
        font: "--gb-mono",
        align: "right",
        most: name - 6 * scale,
      });
      const text =
        value === FUTURE ? "−∞" : axis === "V" && key === "odds" ? format.probability(value) : format.number(value);
      if (!plain && value !== FUTURE) {
        const zero = both ? span / 2 : 0,
          long = (Math.abs(value) / most) * (both ? span / 2 : span);
        pen.fillStyle = color(INKS[role]);
        pen.globalAlpha = 0.8;
        pen.fillRect(x + name + zero - (value < 0 ? long : 0), y + 0.22 * line, Math.max(long, 0.75), 0.56 * line);
        pen.globalAlpha = 1;
      }
      const end = plain ? x + name + 6 * scale : x + name + span + digits;
      words(text, end, y + line / 2, value === FUTURE ? "--gb-soft" : "--gb-ink", {
        font: "--gb-mono",
        align: plain ? "left" : "right",
      });
      const frame = [x, y, (plain ? name + digits : name + span + digits) + 4 * scale, line];
      frames.set(`${i}.${k}`, frame);
      areas.push({ left: x, top: y, width: frame[2], height: line, at: () => ({ row: i, cell: k }) });
    });
  }

  /** Frame the cell that is pointed at, and the one that is chosen. */
  function mark(pointed, chosen) {
    const over = canvas2d(marks, size.width, size.height);
    for (const [cell, ink] of [
      [chosen, "--gb-chosen"],
      [pointed, "--gb-ink"],
    ]) {
      const frame = cell && frames.get(cell.join("."));
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
    const area = areas.find(
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
  return { draw, mark };
};
