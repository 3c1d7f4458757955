// A row of logits of the whole vocabulary: its order, its largest, its odds. All are float32, as in torch.

/** In `removed`, for a token that is still there; any other number says what took it away. */
export const KEPT = 0;

/** The largest of the values, or of those that are kept; NaN where there is one. */
export function largest(values, removed = null) {
  let best = -Infinity;
  for (let i = 0; i < values.length; i += 1) {
    if ((!removed || removed[i] === KEPT) && !(values[i] <= best)) best = values[i]; // NaN is never <=, then stays
  }
  return best;
}

// Room for what a slider's move needs only for a moment. Asking for a megabyte anew at every move would
// have it collected again while a person is dragging.
const rooms = new Map();
export function scratch(name, Kind, n) {
  if (rooms.get(name)?.length !== n) rooms.set(name, new Kind(n));
  return rooms.get(name);
}

/**
 * Ids from the least to the most likely token, equal ones by id. `near` may be such an order of nearly the
 * same logits: a temperature leaves it as it was but for values that rounding makes equal.
 */
export function ascending(logits, near = null) {
  return (near && mended(near.slice(), logits)) ?? sorted(logits, new Uint32Array(logits.length));
}

/** An order, brought right by moving single ids; null where that would take longer than sorting. */
function mended(order, logits) {
  let moves = order.length;
  for (let i = 1; i < order.length; i += 1) {
    const id = order[i],
      x = logits[id];
    let at = i;
    for (; at > 0; at -= 1) {
      const below = order[at - 1],
        y = logits[below];
      if (y < x || (y === x && below < id)) break;
      order[at] = below;
      moves -= 1;
    }
    if (at !== i) order[at] = id;
    if (moves < 0) return null;
  }
  return order;
}

/** A radix sort into `order`: stable, and a millisecond for GPT-2's vocabulary; comparing would need thirty. */
export function sorted(logits, order) {
  const n = logits.length,
    values = scratch("values", Float32Array, n);
  for (let i = 0; i < n; i += 1) values[i] = logits[i] + 0; // -0 becomes 0: they are equal
  const keys = new Uint32Array(values.buffer);
  // Floats sort like whole numbers once the sign bit is flipped, and for negative ones all bits.
  for (let i = 0; i < n; i += 1) keys[i] = keys[i] & 0x80000000 ? ~keys[i] : keys[i] | 0x80000000;
  let from = scratch("ids", Uint32Array, n),
    to = order;
  for (let i = 0; i < n; i += 1) from[i] = i;
  for (const shift of [0, 11, 22]) {
    const starts = new Uint32Array(2049);
    for (let i = 0; i < n; i += 1) starts[((keys[i] >>> shift) & 2047) + 1] += 1;
    for (let d = 0; d < 2048; d += 1) starts[d + 1] += starts[d];
    for (let i = 0; i < n; i += 1) to[starts[(keys[from[i]] >>> shift) & 2047]++] = from[i];
    [from, to] = [to, from];
  }
  return from;
}

/** exp(logit - best) of the kept tokens, 0 of the others, written into `weights`; and their sum. */
export function weigh(values, removed = null, weights = new Float32Array(values.length)) {
  const best = largest(values, removed);
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) {
    if (removed && removed[i] !== KEPT) {
      weights[i] = 0;
      continue;
    }
    weights[i] = Math.exp(Math.fround(values[i] - best));
    sum += weights[i];
  }
  return { best, weights, sum: Math.fround(sum) };
}

export function softmax(logits) {
  const { weights, sum } = weigh(logits);
  for (let i = 0; i < weights.length; i += 1) weights[i] /= sum;
  return weights;
}
