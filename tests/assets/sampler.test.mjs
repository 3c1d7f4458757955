// The sampler beside what test_sampler_js.py holds against llm.filters.
import assert from "node:assert/strict";
import { test } from "node:test";
import { apply, ascending, distance, entropy, filterLogits, softmax } from "../../assets/shared/sampler.js";

test("softmax adds up to one, keeps ties equal, and stands huge logits", () => {
  const odds = softmax(Float32Array.from([1e30, 1e30, -1e30, -Infinity]));
  assert.deepEqual([...odds], [0.5, 0.5, 0, 0]);
  const sum = softmax(Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i))).reduce((a, b) => a + b);
  assert.ok(Math.abs(sum - 1) < 1e-5);
});

test("entropy is in bits: four equal choices are two, one choice is none", () => {
  assert.equal(entropy([0.25, 0.25, 0.25, 0.25]), 2);
  assert.equal(entropy([1, 0]), 0);
});

test("total variation is half the sum of what is apart", () => {
  assert.equal(distance([0.5, 0.5, 0], [0.25, 0.5, 0.25]), 0.25);
});

test("NaN, infinity, or nothing left to choose is refused: no picture is drawn of that", () => {
  for (const row of [
    [0, NaN],
    [0, Infinity],
    [-Infinity, -Infinity],
  ])
    for (const settings of [{}, { temperature: 0, top_p: 0.5 }, { typical_p: 0.5 }])
      assert.throws(() => apply(Float32Array.from(row), settings), /NaN or infinity/, String(row));
});

test("from the order of other logits, near or far, the same order comes out as without it", () => {
  const row = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i * i)),
    known = ascending(row);
  const ties = row.map((x) => x * 1e-44),
    far = row.map((x) => -x),
    few = row.slice();
  [few[4999], few[0], few[17]] = [5, -5, few[18]];
  assert.ok(new Set(ties).size < 20);
  for (const logits of [row.map((x) => x / 0.3), ties, far, few])
    assert.deepEqual(ascending(logits, known), ascending(logits));
});

test("equal logits stand by id, both zeros among them", () => {
  assert.deepEqual([...ascending(Float32Array.from([0, -1, -0, 2, -1, 0]))], [1, 4, 0, 2, 5, 3]);
});

test("ties at the k-th place stay, and greedy takes the lowest id of several equal ones", () => {
  const row = Float32Array.from([1, 3, 2, 2]);
  assert.deepEqual([...filterLogits(row, { top_k: 2 })], [-Infinity, 3, 2, 2]);
  assert.deepEqual([...apply(Float32Array.from([2, 5, 5]), { temperature: 0 }).final], [0, 1, 0]);
});
