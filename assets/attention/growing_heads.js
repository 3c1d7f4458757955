// A text that grows, and its heads. It starts with what was read at once (the prompt, or the end of the
// text when the context was full): thumbnails of all heads, and in full those that someone asked for.
// Then every reading brings one row of each head. Any earlier moment can be shown again, as far as
// rows are kept; the oldest starts go when there are too many.
import { bytesOf } from "../shared/numbers.js";

const CELLS = 64,
  KEPT = 128e6; // cells along a thumbnail; bytes of rows
const cells = (side) => (side * (side + 1)) / 2;

/** A row's number `S - 1` is in cell S / cell: the smallest power of two that leaves at most 64 cells. */
function cellFor(S) {
  let cell = 1;
  while (cell * CELLS < S) cell *= 2;
  return cell;
}

/**
 * From what begin_rows answered; add(reading) takes what grow_rows sends.
 * @param {{ tokens: object[], layers: number, heads: number, room: number }} answer
 */
export const growingHeads = ({ tokens, layers, heads, room }) => {
  const all = [...tokens],
    readings = [],
    count = layers * heads;
  let oldest = 0; // the first reading whose rows are kept
  let pooled = null,
    whole = null; // the thumbnails, and the head, that were drawn last

  /** Thumbnails and the rows beneath them, as the server sends them. */
  function begin({ start, cell, whole: from, thumbnails }) {
    const sent = bytesOf(thumbnails),
      each = sent.length / count;
    const small = Array.from({ length: count }, (_, i) => sent.subarray(i * each, (i + 1) * each));
    return { number: start, cell, from, small, rows: [], full: new Map() };
  }

  function add(reading) {
    if (reading.token) all.push(reading.token);
    const { reads, p, next, rows } = reading,
      anew = reading.start !== undefined;
    const start = anew ? begin(reading) : readings.at(-1).start,
      sent = bytesOf(rows);
    for (let at = 0; at < sent.length; ) {
      const length = count * (start.from + start.rows.length + 1);
      start.rows.push(sent.subarray(at, at + length));
      at += length;
    }
    readings.push({ end: all.length, reads, anew, p, next, start });
    forget();
  }

  /** Let go of the oldest start, but never of the one that still grows. */
  function forget() {
    const kept = new Set(readings.slice(oldest).map(({ start }) => start));
    const bytes = [...kept].reduce((sum, { rows }) => sum + rows.reduce((own, row) => own + row.length, 0), 0);
    const first = readings[oldest].start;
    if (bytes <= KEPT || first === readings.at(-1).start) return;
    while (readings[oldest].start === first) {
      readings[oldest].start = null;
      oldest += 1;
    }
  }

  /** All heads after S rows, each cell the largest weight in it; going on by a row adds that row alone. */
  function thumbnails(start, S) {
    const cell = Math.max(cellFor(S), start.cell);
    if (pooled?.start !== start || pooled.cell !== cell || pooled.rows > S) pooled = shrunk(start, cell);
    for (; pooled.rows < S; pooled.rows += 1) {
      const r = pooled.rows,
        row = start.rows[r - start.from],
        base = cells(Math.floor(r / cell));
      pooled.triangles.forEach((triangle, i) => {
        for (let t = 0, at = i * (r + 1); t <= r; t += 1, at += 1) {
          const k = base + Math.floor(t / cell);
          if (row[at] > triangle[k]) triangle[k] = row[at];
        }
      });
    }
    return { cell, triangles: pooled.triangles.map((triangle) => triangle.subarray(0, cells(Math.ceil(S / cell)))) };
  }

  /** What a start began with, in larger cells. */
  function shrunk(start, cell) {
    const side = start.from / start.cell,
      by = cell / start.cell;
    const triangles = start.small.map((small) => {
      const triangle = new Uint8Array(cells(CELLS));
      for (let i = 0, k = 0; i < side; i += 1) {
        for (let j = 0; j <= i; j += 1, k += 1) {
          const into = cells(Math.floor(i / by)) + Math.floor(j / by);
          if (small[k] > triangle[into]) triangle[into] = small[k];
        }
      }
      return triangle;
    });
    return { start, cell, triangles, rows: start.from };
  }

  /** One head after S rows, every weight of it; null while the rows it started with are not here. */
  function triangle(start, head, S) {
    const first = start.cell === 1 ? start.small[head] : start.full.get(head);
    if (!first) return null;
    if (whole?.start !== start || whole.head !== head) {
      whole = { start, head, rows: start.from, bytes: new Uint8Array(cells(room)) };
      whole.bytes.set(first);
    }
    for (; whole.rows < S; whole.rows += 1) {
      const r = whole.rows;
      whole.bytes.set(start.rows[r - start.from].subarray(head * (r + 1), (head + 1) * (r + 1)), cells(r));
    }
    return whole.bytes.subarray(0, cells(S));
  }

  return {
    add,
    layers,
    heads,
    room,
    get tokens() {
      return all;
    },
    get length() {
      return readings.length;
    },
    get oldest() {
      return oldest;
    },
    prompt: tokens.length,
    /** The picture after reading k: { first, end } within the tokens, and ways to its heads. */
    at(k) {
      const { end, reads, start, next, p, anew } = readings[k],
        newest = start.rows[reads - 1 - start.from];
      return {
        first: end - reads,
        end,
        reads,
        next,
        p,
        anew: anew && k > 0,
        start,
        row: (head) => newest.subarray(head * reads, (head + 1) * reads),
        thumbnails: () => thumbnails(start, reads),
        triangle: (head) => triangle(start, head, reads),
      };
    },
  };
};
