// A step's numbers laid out on a canvas: vectors as cells, a head's square of scores, a bar or a card for each token.
// It notes where each of them lies.
import { color, cssRgb, palette } from "../shared/colour.js";
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
  CARDS = [56, 48, 42], // heights of a token's card, the first at which all fit
  FUTURE = -Infinity;
const INKS = {
  query: "--gb-query",
  key: "--gb-key",
  value: "--gb-value",
  residual: "--gb-residual",
  mlp: "--gb-mlp",
  chosen: "--gb-chosen",
};

/** As many cells in a line as fit; somewhat fewer where that makes all lines equally long. */
export function even(count, most) {
  for (let across = most; across > 0.6 * most; across -= 1) if (count % across === 0) return across;
  return most;
}
const sizeOf = (values) => values.reduce((top, x) => (Number.isFinite(x) ? Math.max(top, Math.abs(x)) : top), 0);
const lengthOf = (values) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} scale of letters and cells
 */
export function cellSheet(pen, scale) {
  /** @type {{ left: number, top: number, width: number, height: number, at: (x: number, y: number) => Place | null }[]} */
  const areas = [],
    frames = new Map(); // "row.cell" -> where that cell is

  function words(
    text,
    x,
    y,
    ink,
    { font = "--gb-sans", bold = false, align = /** @type {CanvasTextAlign} */ ("left"), most = Infinity } = {},
  ) {
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

  /** Vectors, one under the other, each as many lines of cells as it takes; many of them have their names beside them. */
  function grids(rows, left, top, width, height) {
    const beside = rows.length > 3 ? 190 * scale : 0,
      head = beside ? 0 : 24 * scale,
      gap = (beside ? 6 : 10) * scale,
      x = left + beside,
      free = height - rows.length * (head + gap) + gap;
    const fitting = (count, side) => even(count, Math.max(1, Math.floor((width - beside) / side)));
    const tall = (side) =>
      rows.reduce((sum, { values }) => sum + Math.ceil(values.length / fitting(values.length, side)) * side, 0);
    let side = LARGEST * scale;
    while (side > 2 && tall(side) > free) side -= side > 8 ? 1 : 0.5;
    let y = top;
    for (const { name, title, role, values, i } of rows) {
      const { most, both, ink } = inks(values),
        across = fitting(values.length, side),
        lines = Math.ceil(values.length / across),
        start = y + head,
        gapped = side >= 5 ? 1 : 0;
      const middle = beside ? start + (lines * side) / 2 : y + head / 2,
        after = words(title, left, middle, INKS[role], { bold: true }) + 12 * scale;
      const range = `${values.length} numbers, ${both ? "±" : "up to "}${format.number(most)}, length ${format.number(lengthOf(values))}`;
      if (beside)
        words(`length ${format.number(lengthOf(values))}`, x - 10 * scale, middle, "--gb-soft", {
          align: "right",
          most: beside - after,
        });
      else words(`${name}: ${range}`, left + after, middle, "--gb-soft", { most: width - after });
      values.forEach((value, k) => {
        const at = [x + (k % across) * side, start + Math.floor(k / across) * side];
        pen.fillStyle = ink(value);
        pen.fillRect(at[0], at[1], side - gapped, side - gapped);
        frames.set(`${i}.${k}`, [...at, side - gapped, side - gapped]);
      });
      pen.strokeStyle = color("--gb-line");
      pen.strokeRect(
        x - 0.5,
        start - 0.5,
        Math.min(values.length, across) * side + 1 - gapped,
        lines * side + 1 - gapped,
      );
      areas.push({
        left: x,
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

  /** A head's scores of every token with every token; the row of the followed one is framed. Its height. */
  function square({ matrix, tokens, position, rows }, x, top, most) {
    const left = x + 2; // room for the frame
    const T = tokens.length,
      head = 24 * scale,
      side = Math.max(2, Math.floor(Math.min(26 * scale, (most - head - 4) / T)));
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
    return Math.max(T * side, 150 * scale) + head;
  }

  /** A bar for each token, in columns where there are many; the largest where not all fit. */
  function bars({ tokens, named, key }, row, x0, top, width, height) {
    const left = x0 + 2; // room for the frame
    const head = 24 * scale,
      line = 21 * scale;
    const { values, axis, role, title, i } = row;
    const of = axis === "V" ? named : tokens;
    const lines = Math.max(1, Math.floor((height - head) / line)),
      wide = 196 * scale;
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
      few = seen.length < values.length ? ` (${seen.length} largest)` : "";
    words(
      `${title} ${axis === "V" ? "of the likeliest tokens" : "of each token"}${few}`,
      left,
      top + head / 2,
      INKS[role],
      { bold: true, most: width },
    );
    const down = Math.ceil(seen.length / columns);
    seen.forEach((k, n) => {
      const x = left + Math.floor(n / down) * each,
        y = top + head + (n % down) * line,
        value = values[k],
        name = 84 * scale,
        digits = 66 * scale,
        span = Math.max(8, Math.min(each, 420 * scale) - name - digits - 20 * scale);
      words(visible(of[k].text), x + name - 6 * scale, y + line / 2, "--gb-ink", {
        font: "--gb-mono",
        align: "right",
        most: name - 6 * scale,
      });
      const text =
        value === FUTURE ? "−∞" : axis === "V" && key === "odds" ? format.probability(value) : format.number(value);
      if (value !== FUTURE) {
        const zero = both ? span / 2 : 0,
          long = (Math.abs(value) / most) * (both ? span / 2 : span);
        pen.fillStyle = color(INKS[role]);
        pen.globalAlpha = 0.8;
        pen.fillRect(x + name + zero - (value < 0 ? long : 0), y + 0.22 * line, Math.max(long, 0.75), 0.56 * line);
        pen.globalAlpha = 1;
      }
      words(text, x + name + span + digits, y + line / 2, value === FUTURE ? "--gb-soft" : "--gb-ink", {
        font: "--gb-mono",
        align: "right",
      });
      const frame = [x, y, name + span + digits + 4 * scale, line];
      frames.set(`${i}.${k}`, frame);
      areas.push({ left: x, top: y, width: frame[2], height: line, at: () => ({ row: i, cell: k }) });
    });
  }

  /** The prompt as cards: a token, and the id that the model gets for it. Where not all fit, the last ones. */
  function cards({ tokens, rows, position }, width, height) {
    const gap = 8 * scale,
      fitting = (side) => Math.max(1, Math.floor((width + gap) / (side * 1.5 * scale + gap))),
      room = (side) => fitting(side) * Math.max(1, Math.floor((height + gap) / (side * scale + gap)));
    const side = CARDS.find((one) => room(one) >= tokens.length) ?? CARDS.at(-1),
      [wide, tall, across] = [1.5 * side * scale, side * scale, fitting(side)];
    const first = Math.max(0, Math.min(tokens.length - room(side), position));
    tokens.slice(first, first + room(side)).forEach(({ text }, n) => {
      const k = first + n,
        x = (n % across) * (wide + gap) + 1,
        y = Math.floor(n / across) * (tall + gap) + 1;
      pen.fillStyle = color(k === position ? "--gb-chosen-soft" : "--gb-raised");
      pen.strokeStyle = color(k === position ? "--gb-chosen" : "--gb-line-strong");
      pen.beginPath();
      pen.roundRect(x, y, wide - 2, tall - 2, 6);
      pen.fill();
      pen.stroke();
      const middle = x + wide / 2 - 1;
      words(visible(text), middle, y + 0.33 * tall, "--gb-ink", {
        font: "--gb-mono",
        bold: true,
        align: "center",
        most: wide - 10,
      });
      words(String(rows[0].values[k]), middle, y + 0.7 * tall, "--gb-chosen", { font: "--gb-mono", align: "center" });
      frames.set(`0.${k}`, [x, y, wide - 2, tall - 2]);
      areas.push({ left: x, top: y, width: wide, height: tall, at: () => ({ row: 0, cell: k }) });
    });
  }

  return { areas, frames, grids, square, bars, cards };
}
