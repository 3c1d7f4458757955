// Attention as colour. Weights are lower triangles, row by row (no token looks ahead): row i starts
// at i (i + 1) / 2. Every head on the page goes through here, so one legend is true for all of them.
import { color, palette } from "../shared/colour.js";
import * as shades from "../shared/shades.js";

/** @import { MapName } from "../shared/colour.js" */

// Where a weight from 0 to 1 lies on the map from 0 to 1, and which weights the legend names.
const SCALES = {
  sqrt: { at: Math.sqrt, ticks: [0, 0.05, 0.25, 0.5, 1] },
  linear: { at: (w) => w, ticks: [0, 0.25, 0.5, 0.75, 1] },
  log: { at: (w) => Math.max(0, 1 + Math.log10(w) / 4), ticks: [0.0001, 0.001, 0.01, 0.1, 1] },
};

/** Thumbnails' bytes, 255 sqrt(weight), back to weights. */
const SQUARES = Float32Array.from({ length: 256 }, (_, b) => (b / 255) ** 2);
function weights(bytes) {
  const found = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i += 1) found[i] = SQUARES[bytes[i]];
  return found;
}

/** Places on the colour map for thumbnails' bytes, which are on the square root's scale already. */
function byteLevels(bytes, scale) {
  if (scale === "sqrt") return bytes;
  const places = Uint8Array.from(SQUARES, (w) => Math.round(255 * SCALES[scale].at(w)));
  return bytes.map((b) => places[b]);
}

/**
 * Places on the colour map, 0 to 255, for one head's triangle. With `rests` (for each row, the
 * share that is not on the first token) a weight counts as its share of that rest, except in the
 * first column.
 */
function levels(triangle, side, scale, rests = null) {
  const at = SCALES[scale].at,
    found = new Uint8Array(triangle.length);
  for (let row = 0, k = 0; row < side; row += 1) {
    for (let column = 0; column <= row; column += 1, k += 1) {
      const weight = rests && column > 0 ? Math.min(1, rests[row] > 0 ? triangle[k] / rests[row] : 0) : triangle[k];
      found[k] = 255 * at(weight) + 0.5; // the array rounds down
    }
  }
  return found;
}

/**
 * One head's scores and weights from its queries and keys, T x D each: softmax(q k / sqrt(D)), with
 * `sums`, what each token receives from all rows, and `rests`, what each row keeps off the first token.
 */
function attend(q, k, T) {
  const D = q.length / T,
    { padded, across } = turned(q, k, T, D),
    shrink = 1 / Math.sqrt(D),
    odds = new Float64Array(T);
  const scores = new Float32Array((T * (T + 1)) / 2),
    pattern = new Float32Array(scores.length);
  const sums = new Float64Array(T),
    rests = new Float32Array(T),
    P = padded.length / T;
  for (let row = 0, base = 0; row < T; base += row += 1) {
    odds.fill(0, 0, row + 1);
    for (let i = 0; i < P; i += 4) {
      const [a, b, c, d] = padded.subarray(row * P + i, row * P + i + 4),
        at = i * T;
      for (let t = 0; t <= row; t += 1) {
        odds[t] +=
          a * across[at + t] + b * across[at + T + t] + c * across[at + 2 * T + t] + d * across[at + 3 * T + t];
      }
    }
    let top = -Infinity,
      total = 0;
    for (let t = 0; t <= row; t += 1) {
      odds[t] *= shrink;
      scores[base + t] = odds[t];
      if (odds[t] > top) top = odds[t];
    }
    for (let t = 0; t <= row; t += 1) total += odds[t] = Math.exp(odds[t] - top);
    for (let t = 0; t <= row; t += 1) {
      const weight = odds[t] / total;
      pattern[base + t] = weight;
      sums[t] += weight;
    }
    rests[row] = 1 - odds[0] / total;
  }
  return { scores, pattern, sums, rests };
}

/**
 * Queries token by token, keys dimension by dimension, both filled up with zeros to a multiple of
 * four dimensions: four at a time along all keys is three times as fast as one product after another.
 */
function turned(q, k, T, D) {
  const P = 4 * Math.ceil(D / 4),
    padded = new Float64Array(T * P),
    across = new Float64Array(T * P);
  for (let t = 0; t < T; t += 1) {
    for (let i = 0; i < D; i += 1) {
      padded[t * P + i] = q[t * D + i];
      across[i * T + t] = k[t * D + i];
    }
  }
  return { padded, across };
}

/** Places on the diverging map for A - B: 128 is no difference, and sizes follow the scale. */
function differences(a, b, scale) {
  const at = SCALES[scale].at;
  return Uint8Array.from(a, (w, i) => Math.round(128 + 127 * Math.sign(w - b[i]) * at(Math.abs(w - b[i]))));
}

const packed = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
const hex = (name) => {
  const text = color(name);
  const part = (i) => parseInt(text.slice(i, i + 2), 16);
  return packed([part(1), part(3), part(5)]);
};

/**
 * The colours of the theme that is on.
 * @param {boolean} muted whether the first column is hatched
 * @param {MapName} map
 */
const inks = (muted = false, map = "sequential") => ({
  map: Uint32Array.from(palette(map), packed),
  future: hex("--gb-raised"),
  hatch: muted ? hex("--gb-line-strong") : null,
});

/**
 * Paint one head as a square of `size` device pixels. Where cells are smaller than a pixel, a
 * pixel shows the strongest of them, so that a diagonal of single cells is never lost.
 */
function paint(image, x, y, size, triangle, side, ink) {
  const pixels = new Uint32Array(image.data.buffer),
    from = new Int32Array(size),
    to = new Int32Array(size);
  for (let p = 0; p < size; p += 1) {
    from[p] = Math.floor((p * side) / size);
    to[p] = side > size ? Math.ceil(((p + 1) * side) / size) : from[p] + 1;
  }
  for (let py = 0; py < size; py += 1) {
    const start = (y + py) * image.width + x;
    for (let px = 0; px < size; px += 1) {
      let best = -1;
      for (let row = from[py]; row < to[py]; row += 1) {
        const base = (row * (row + 1)) / 2;
        for (let column = from[px]; column < to[px] && column <= row; column += 1) {
          if (triangle[base + column] > best) best = triangle[base + column];
        }
      }
      const hatched = ink.hatch !== null && from[px] === 0 && best >= 0 && (px + py) % 6 < 2;
      pixels[start + px] = best < 0 ? ink.future : hatched ? ink.hatch : ink.map[best];
    }
  }
}

/**
 * Fill a legend: the map as a strip, and the weights where they truly lie on it.
 * @param {HTMLElement} box
 * @param {string} scale one of SCALES
 * @param {MapName} map
 */
function legend(box, scale, map = "sequential") {
  const { strip } = shades,
    { at, ticks } = SCALES[scale],
    floor = (w) => (w > 0 && at(w) === 0 ? "≤ " : "");
  if (map === "sequential")
    return strip(
      box,
      map,
      ticks.map((w) => [at(w), `${floor(w)}${w}`]),
    );
  const apart = ticks.filter((w) => w === 1 || Math.abs(at(w) - 0.5) < 0.01); // more names would touch
  /** @type {[place: number, name: string][]} */
  const named = [
    ...apart.map((w) => [0.5 - at(w) / 2, `−${w}`]).reverse(),
    [0.5, "0"],
    ...apart.map((w) => [0.5 + at(w) / 2, `+${w}`]),
  ];
  return strip(box, map, named);
}

export { attend, byteLevels, differences, inks, legend, levels, paint, SCALES, weights };
