// Attention as colour. Weights are lower triangles, row by row (no token looks ahead): row i starts
// at i (i + 1) / 2. Every head on the page goes through here, so one legend is true for all of them.
(() => {
  "use strict";
  const { color, palette } = glassbox;

  // Where a weight from 0 to 1 lies on the map from 0 to 1, and which weights the legend names.
  const SCALES = {
    sqrt: { at: Math.sqrt, ticks: [0, 0.05, 0.25, 0.5, 1] },
    linear: { at: (w) => w, ticks: [0, 0.25, 0.5, 0.75, 1] },
    log: { at: (w) => Math.max(0, 1 + Math.log10(w) / 4), ticks: [0.0001, 0.001, 0.01, 0.1, 1] },
  };

  /** Thumbnails' bytes, 255 sqrt(weight), back to weights. */
  const SQUARES = Float32Array.from({ length: 256 }, (_, b) => (b / 255) ** 2);
  const weights = (bytes) => Float32Array.from(bytes, (b) => SQUARES[b]);

  /**
   * Places on the colour map, 0 to 255, for one head's triangle. With `rests` (for each row, the
   * share that is not on the first token) a weight counts as its share of that rest, except in the
   * first column.
   */
  function levels(triangle, side, scale, rests = null) {
    const at = SCALES[scale].at, found = new Uint8Array(triangle.length);
    for (let row = 0, k = 0; row < side; row += 1) {
      for (let column = 0; column <= row; column += 1, k += 1) {
        const weight = rests && column > 0 ? Math.min(1, rests[row] > 0 ? triangle[k] / rests[row] : 0) : triangle[k];
        found[k] = Math.round(255 * at(weight));
      }
    }
    return found;
  }

  const packed = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  const hex = (name) => {
    const text = color(name);
    return packed([1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16)));
  };

  /** The colours of the theme that is on. `muted` hatches the first column. */
  const inks = (muted) => ({
    map: Uint32Array.from(palette("sequential"), packed),
    future: hex("--gb-raised"),
    hatch: muted ? hex("--gb-line-strong") : null,
  });

  /**
   * Paint one head as a square of `size` device pixels. Where cells are smaller than a pixel, a
   * pixel shows the strongest of them, so that a diagonal of single cells is never lost.
   */
  function paint(image, x, y, size, triangle, side, ink) {
    const pixels = new Uint32Array(image.data.buffer), from = new Int32Array(size), to = new Int32Array(size);
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

  /** Fill a legend: the map as a strip, and the weights where they truly lie on it. */
  function legend(box, scale) {
    const { el, rgb } = glassbox, stops = palette("sequential").filter((_, i) => i % 15 === 0).map(rgb);
    const { at, ticks } = SCALES[scale];
    box.replaceChildren(
      el("div", { class: "gb-strip", style: `background: linear-gradient(to right, ${stops.join(",")})` }),
      el("div", { class: "gb-ticks" }, ...ticks.map((w) =>
        el("span", { style: `left: ${100 * at(w)}%` }, `${w > 0 && at(w) === 0 ? "≤ " : ""}${w}`))),
    );
  }

  glassbox.heat = { SCALES, weights, levels, inks, paint, legend };
})();
