import assert from "node:assert/strict";
import { test } from "node:test";
import { attend, byteLevels, differences, levels, paint, SCALES, weights } from "../../assets/attention/heat.js";

test("every scale rises from nothing to the whole, and its ticks lie on it", () => {
  for (const { at, ticks } of Object.values(SCALES)) {
    assert.equal(at(0), 0);
    assert.equal(at(1), 1);
    for (let w = 0; w < 1; w += 0.01) assert.ok(at(w) <= at(w + 0.01));
    assert.ok(ticks.every((w, i) => at(w) >= 0 && at(w) <= 1 && (i === 0 || w > ticks[i - 1])));
  }
  assert.equal(SCALES.log.at(1e-4), 0);
  assert.ok(Math.abs(SCALES.log.at(0.01) - 0.5) < 1e-12);
});

test("bytes are weights squared, and come back to within their step", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, b) => b);
  const found = weights(bytes);
  assert.deepEqual([found[0], found[255]], [0, 1]);
  for (let b = 0; b < 256; b += 1) assert.equal(Math.round(255 * Math.sqrt(found[b])), b);
});

test("thumbnails' places are those of their weights on every scale", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, b) => b);
  assert.equal(byteLevels(bytes, "sqrt"), bytes);
  for (const scale of ["linear", "log"])
    byteLevels(bytes, scale).forEach((place, b) => {
      assert.equal(place, Math.round(255 * SCALES[scale].at((b / 255) ** 2)), `${scale} ${b}`);
    });
});

test("a muted first column leaves each weight's share of the rest", () => {
  const triangle = Float32Array.from([1, 0.5, 0.5, 0.8, 0.15, 0.05]),
    rests = Float32Array.from([0, 0.5, 0.2]);
  assert.deepEqual([...levels(triangle, 3, "linear")], [255, 128, 128, 204, 38, 13]);
  assert.deepEqual([...levels(triangle, 3, "linear", rests)], [255, 128, 255, 204, 191, 64]);
  assert.deepEqual([...levels(Float32Array.from([1, 1, 0]), 2, "sqrt", Float32Array.from([0, 0]))], [255, 255, 0]);
});

test("softmax of queries and keys, whatever the head's size, with what each token receives", () => {
  for (const D of [1, 3, 4, 10]) {
    const T = 7,
      q = Float32Array.from({ length: T * D }, (_, i) => 3 * Math.sin(i)),
      k = Float32Array.from({ length: T * D }, (_, i) => 3 * Math.cos(i * i));
    const { scores, pattern, sums, rests } = attend(q, k, T),
      received = new Array(T).fill(0);
    for (let row = 0, at = 0; row < T; row += 1) {
      const own = Array.from({ length: row + 1 }, (_, t) => {
        let product = 0;
        for (let i = 0; i < D; i += 1) product += q[row * D + i] * k[t * D + i];
        return product / Math.sqrt(D);
      });
      const total = own.reduce((sum, score) => sum + Math.exp(score), 0);
      own.forEach((score, t) => {
        assert.ok(Math.abs(scores[at] - score) < 1e-5);
        assert.ok(Math.abs(pattern[at] - Math.exp(score) / total) < 1e-6);
        received[t] += Math.exp(score) / total;
        at += 1;
      });
      assert.ok(Math.abs(rests[row] - (1 - Math.exp(own[0]) / total)) < 1e-6);
    }
    for (const [t, sum] of received.entries()) assert.ok(Math.abs(sums[t] - sum) < 1e-6);
  }
});

test("huge scores give weights and not NaN", () => {
  const { pattern } = attend(Float32Array.from([1e18, 1e18]), Float32Array.from([1e18, -1e18]), 2);
  assert.deepEqual([...pattern], [1, 1, 0]);
});

test("no difference is the middle of the map, and its ends are one whole weight apart", () => {
  assert.deepEqual([...differences([1, 0, 0.5], [0, 1, 0.5], "sqrt")], [255, 1, 128]);
  assert.deepEqual([...differences([0.25], [0], "sqrt")], [Math.round(128 + 127 * 0.5)]);
});

test("a painted head has the future, every cell, and the strongest of cells that share a pixel", () => {
  const ink = { map: Uint32Array.from({ length: 256 }, (_, i) => i), future: 999, hatch: null };
  const painted = (size, triangle, side, how = ink) => {
    const image = { width: size, data: new Uint8ClampedArray(4 * size * size) };
    paint(image, 0, 0, size, triangle, side, how);
    return [...new Uint32Array(image.data.buffer)];
  };
  assert.deepEqual(painted(2, [7, 8, 9], 2), [7, 999, 8, 9]);
  assert.deepEqual(painted(4, [7, 8, 9], 2).slice(0, 4), [7, 7, 999, 999]);
  assert.deepEqual(painted(1, [7, 8, 9], 2), [9]);
  assert.ok(painted(2, [7, 8, 9], 2, { ...ink, hatch: 555 }).includes(555));
});
