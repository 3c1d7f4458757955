import assert from "node:assert/strict";
import { test } from "node:test";
import { curve, runState } from "../../assets/train/run_state.js";

const noise = (i) => Math.sin(i * 12.9898) * 43758.5453 - Math.floor(Math.sin(i * 12.9898) * 43758.5453);

test("a short curve is kept whole", () => {
  const points = Array.from({ length: 250 }, (_, i) => [i, noise(i)]);
  assert.deepEqual(curve(points).points(), points);
});

test("a long curve has at most 500 points, in order, with every one's extremes", () => {
  for (const steps of [251, 1000, 9_999, 100_000]) {
    const points = Array.from({ length: steps }, (_, i) => [i, noise(i)]),
      thin = curve(points),
      kept = thin.points();
    assert.ok(kept.length > 200 && kept.length <= 500, `${kept.length} of ${steps}`);
    for (let i = 1; i < kept.length; i += 1) assert.ok(kept[i][0] > kept[i - 1][0]);
    const shown = new Map(kept);
    for (const [step, value] of kept) assert.equal(value, points[step][1]);
    // The buckets are the widest power of two that leaves 250 of them or fewer.
    let width = 1;
    while (Math.ceil(steps / width) > 250) width *= 2;
    for (let from = 0; from < steps; from += width) {
      const bucket = points.slice(from, from + width),
        values = bucket.map(([, value]) => value);
      for (const extreme of [Math.min(...values), Math.max(...values)])
        assert.equal(shown.get(bucket.find(([, value]) => value === extreme)[0]), extreme);
    }
    assert.deepEqual(thin.last, points.at(-1));
  }
});

test("a single spike is never lost", () => {
  const spike = curve(Array.from({ length: 50_000 }, (_, i) => [i, i === 31_337 ? 99 : 1]));
  assert.ok(spike.points().some(([step, value]) => step === 31_337 && value === 99));
});

test("a curve that the server thinned goes on like one that was whole", () => {
  const points = Array.from({ length: 4_000 }, (_, i) => [i, noise(i)]),
    whole = curve(points.slice(0, 3_000)),
    thinned = curve(whole.points());
  for (const [step, value] of points.slice(3_000)) {
    whole.add(step, value);
    thinned.add(step, value);
  }
  assert.deepEqual(thinned.points(), whole.points());
});

test("without inertia the smooth curve is the means, and a constant stays one", () => {
  assert.deepEqual(
    curve([
      [0, 4],
      [1, 2],
    ]).smoothed(0),
    [
      [0, 4],
      [1, 2],
    ],
  );
  for (const [, mean] of curve(Array.from({ length: 3_000 }, (_, i) => [i, 7])).smoothed(0.99)) assert.equal(mean, 7);
  assert.deepEqual(curve().smoothed(0.5), []);
});

const step = (step) => ({
  event: "step",
  step,
  loss: 1,
  learning_rate: 0.1,
  grad_norm: 1,
  clipped_norm: 1,
  tokens_seen: 64 * step,
  seconds: 0.5,
});

test("events add up: seconds, evaluations, changes, samples and the end", () => {
  const run = runState();
  assert.equal(run.started, false);
  for (let i = 1; i <= 4; i += 1) run.add(step(i));
  run.add({ event: "evaluation", step: 4, train_loss: 2, validation_loss: 3 });
  run.add({ event: "sample", step: 4, sample: "text" });
  run.add({ event: "change", step: 4, changes: { batch_size: 8 } });
  run.add({ event: "done", step: 4, reason: "finished" });
  assert.deepEqual(run.curve("seconds").last, [4, 2]);
  assert.equal(run.started, true);
  assert.deepEqual(run.moments, [{ step: 4, sample: "text" }]);
  assert.deepEqual(run.changes, [{ step: 4, changes: { batch_size: 8 } }]);
  assert.equal(run.end.reason, "finished");
});

test("the axis of seconds or tokens runs straight between what is kept", () => {
  const run = runState();
  for (let i = 1; i <= 4; i += 1) run.add(step(i));
  assert.equal(run.scale("step")(3), 3);
  assert.equal(run.scale("seconds")(0), 0);
  assert.equal(run.scale("seconds")(2.5), 1.25);
  assert.equal(run.scale("tokens_seen")(99), 256);
});

test("evaluations are thinned where they are closest together; the first and the last stay", () => {
  const run = runState();
  for (let i = 0; i < 300; i += 1) run.moment(i);
  assert.equal(run.moments.length, 120);
  assert.deepEqual([run.moments[0].step, run.moments.at(-1).step], [0, 299]);
});
