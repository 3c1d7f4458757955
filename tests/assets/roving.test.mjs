// Where a key leads in a group: along its order, and to the nearest item of the line above or below.
import assert from "node:assert/strict";
import { test } from "node:test";
import { stepTo } from "../../assets/shared/roving.js";

// Two lines of three, and a third whose one item spans two columns and stands a little lower.
const places = [
  ...[0, 1].flatMap((line) => [0, 1, 2].map((i) => ({ left: 20 * i, top: 20 * line, width: 18, height: 18 }))),
  { left: 0, top: 43, width: 38, height: 18 },
];
const to = (key, from) => stepTo(key, from, places.length, (i) => places[i]);

test("left and right go along, and stop at the ends", () => {
  assert.deepEqual(
    [to("ArrowRight", 2), to("ArrowLeft", 3), to("ArrowLeft", 0), to("ArrowRight", 6), to("Home", 4), to("End", 1)],
    [3, 2, 0, 6, 0, 6],
  );
});

test("up and down stay in the column, or go to what is nearest", () => {
  assert.deepEqual([to("ArrowDown", 1), to("ArrowUp", 5), to("ArrowDown", 5), to("ArrowUp", 1)], [4, 2, 6, 1]);
  assert.equal(to("ArrowUp", 6), 3); // as near as the one beside it: the first
});

test("other keys are nobody's", () => {
  assert.equal(to("Enter", 1), null);
  assert.equal(
    stepTo("ArrowDown", 0, 0, () => places[0]),
    null,
  );
});
