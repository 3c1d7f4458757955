// A text that grows, and its heads: every reading keeps which part of the text it saw, and the rows
// of each head lie one after the other, so that any earlier moment is the start of the same bytes.
// When the context was full and reading began anew, a new set of bytes begins.
(() => {
  "use strict";

  /** glassbox.growth(answer): from what begin_rows answered; add(reading) takes what grow_rows sends. */
  glassbox.growth = ({ tokens, layers, heads, room }) => {
    const all = [...tokens], readings = [], count = layers * heads, cells = (room * (room + 1)) / 2;
    let triangles = null;  // the bytes of each head, since reading last began anew

    function add(reading) {
      if (reading.token) all.push(reading.token);
      const rows = glassbox.bytes(reading.rows), each = rows.length / count, S = reading.reads;
      if (reading.anew) triangles = Array.from({ length: count }, () => new Uint8Array(cells));
      const start = reading.anew ? 0 : ((S - 1) * S) / 2;
      triangles.forEach((triangle, i) => triangle.set(rows.subarray(i * each, (i + 1) * each), start));
      readings.push({ end: all.length, reads: S, anew: reading.anew, p: reading.p, next: reading.next, triangles });
    }

    return {
      add, layers, heads, room,
      get tokens() { return all; },
      get length() { return readings.length; },
      prompt: tokens.length,
      /** The picture after reading k: { first, end } within the tokens, and each head's bytes. */
      at(k) {
        const { end, reads, triangles: kept, next, p, anew } = readings[k];
        return { first: end - reads, end, reads, next, p, anew: anew && k > 0,
          triangles: kept.map((triangle) => triangle.subarray(0, (reads * (reads + 1)) / 2)) };
      },
    };
  };
})();
