import assert from "node:assert/strict";
import { test } from "node:test";
import { growingHeads } from "../../assets/attention/growing_heads.js";

const COUNT = 2; // heads, in one layer
const packed = (bytes) => Buffer.from(bytes).toString("base64");
const weight = (head, row, column) => (head * 101 + row * 31 + column * 17) % 256;
const rowOf = (row) =>
  Array.from({ length: COUNT }, (_, head) => Array.from({ length: row + 1 }, (_, t) => weight(head, row, t))).flat();

/** A square of cells as the server pools it: the strongest weight of each. */
function pooled(head, rows, cell) {
  const side = Math.ceil(rows / cell),
    cells = new Array((side * (side + 1)) / 2).fill(0);
  for (let r = 0; r < rows; r += 1)
    for (let t = 0; t <= r; t += 1) {
      const at = (Math.floor(r / cell) * (Math.floor(r / cell) + 1)) / 2 + Math.floor(t / cell);
      cells[at] = Math.max(cells[at], weight(head, r, t));
    }
  return cells;
}

/** What the server sends for a text of T tokens: as in llm/ui/attention/while_generating.py. */
function first(T, start = 0) {
  let cell = 1;
  while (cell * 64 < T) cell *= 2;
  const whole = Math.floor((T - 1) / cell) * cell;
  const rows = Array.from({ length: T - whole }, (_, i) => rowOf(whole + i)).flat();
  const thumbnails = whole ? Array.from({ length: COUNT }, (_, head) => pooled(head, whole, cell)).flat() : [];
  return {
    token: null,
    p: null,
    reads: T,
    next: [],
    start,
    cell,
    whole,
    thumbnails: packed(thumbnails),
    rows: packed(rows),
  };
}
const token = (id) => ({ id, text: "x" });
const next = (reads) => ({ token: token(reads), p: 0.5, reads, next: [], rows: packed(rowOf(reads - 1)) });
const begun = (T, room = 300) => {
  const heads = growingHeads({
    tokens: Array.from({ length: T }, (_, id) => token(id)),
    layers: 1,
    heads: COUNT,
    room,
  });
  heads.add(first(T));
  return heads;
};

test("rows that come one by one make the same picture as all at once", () => {
  for (const T of [1, 2, 63, 64, 65, 130]) {
    const heads = begun(T);
    for (let reads = T + 1; reads <= T + 70; reads += 1) heads.add(next(reads));
    for (const k of [0, 1, 35, 70, 3]) {
      const seen = heads.at(k),
        { cell, triangles } = seen.thumbnails();
      assert.deepEqual([seen.reads, seen.first, seen.end], [T + k, 0, T + k]);
      for (let head = 0; head < COUNT; head += 1) {
        assert.deepEqual([...seen.row(head)], rowOf(T + k - 1).slice(head * (T + k), (head + 1) * (T + k)));
        assert.deepEqual([...triangles[head]], pooled(head, T + k, cell), `${T} + ${k}`);
      }
      assert.ok(Math.ceil((T + k) / cell) <= 64);
    }
  }
});

test("a head is shown in full once its first rows are here", () => {
  const heads = begun(130);
  heads.add(next(131));
  const { start, triangle } = heads.at(1);
  assert.equal(triangle(1), null);
  start.full.set(1, Uint8Array.from(pooled(1, start.from, 1)));
  assert.deepEqual([...triangle(1)], pooled(1, 131, 1));
  assert.deepEqual([...begun(5).at(0).triangle(0)], pooled(0, 5, 1));
});

test("a text that is read anew begins a picture of its own, and the earlier one stays", () => {
  const heads = begun(6);
  heads.add(next(7));
  heads.add({ ...first(4, 1), token: token(7), p: 0.1 });
  const anew = heads.at(2);
  assert.deepEqual([anew.first, anew.end, anew.reads, anew.anew], [4, 8, 4, true]);
  assert.deepEqual([...anew.triangle(0)], pooled(0, 4, 1));
  assert.deepEqual([...heads.at(1).triangle(0)], pooled(0, 7, 1));
  assert.deepEqual([heads.length, heads.oldest, heads.prompt, heads.tokens.length], [3, 0, 6, 8]);
});
