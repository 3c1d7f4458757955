import assert from "node:assert/strict";
import { test } from "node:test";
import { allOf, mostOf } from "../../assets/attention/cloud_view.js";

const SIZE = { width: 900, height: 450 };
const square = (count, x, y, side) =>
  Array.from({ length: count }, (_, i) => [
    x + (side * (i % 10)) / 9,
    y + (side * Math.floor(i / 10)) / (count / 10 - 1),
  ]);

test("a few points far away are outside the first view, and inside the view of all", () => {
  const places = Float32Array.from([...square(100, -1, -1, 2), ...square(20, 8, 0, 0.1)].flat());
  const most = mostOf(places, SIZE),
    all = allOf(places, SIZE);
  assert.ok(Math.abs(most.x) < 1e-6 && Math.abs(most.y) < 1e-6);
  assert.ok(Math.abs(most.k - (0.9 * 450) / 2) < 1e-3);
  assert.ok(all.k < most.k / 2 && Math.abs(all.x - 3.55) < 1e-3);
});

test("two halves stay in one picture, and so do points without a gap", () => {
  const halves = Float32Array.from([...square(50, 0, 0, 1), ...square(50, 9, 0, 1)].flat());
  assert.deepEqual(mostOf(halves, SIZE), allOf(halves, SIZE));
  const even = Float32Array.from(square(100, 0, 0, 1).flat());
  assert.deepEqual(mostOf(even, SIZE), allOf(even, SIZE));
});

test("one point, or none that differ, make no picture of infinite size", () => {
  for (const places of [
    [2, 3],
    [2, 3, 2, 3],
  ]) {
    const view = mostOf(Float32Array.from(places), SIZE);
    assert.deepEqual([view.x, view.y], [2, 3]);
    assert.ok(Number.isFinite(view.k));
  }
});
