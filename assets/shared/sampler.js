// The page's twin of llm/filters.py: the same six steps, in the order the settings name, in the same
// float32 arithmetic, so that a slider shows exactly what the server would draw from. A test runs both
// on the same logits, ties included.
//
// Float32Array rounds every value that is stored in it, as torch does; Math.fround rounds the rest.

export const ORDER = ["repetition_penalty", "temperature", "top_k", "top_p", "min_p", "typical_p"]; // Hugging Face's
export const OFF = { repetition_penalty: 1, temperature: 1, top_k: 0, top_p: 1, min_p: 0, typical_p: 1, order: ORDER };
export const KEPT = 0; // in `removed`; any other number is one more than the place in ORDER of what removed the token
export const codeOf = (name) => ORDER.indexOf(name) + 1;

/** The largest of the values, or of those that are kept; NaN where there is one. */
function largest(values, removed = null) {
  let best = -Infinity;
  for (let i = 0; i < values.length; i += 1) {
    if ((!removed || removed[i] === KEPT) && !(values[i] <= best)) best = values[i]; // NaN is never <=, then stays
  }
  return best;
}

// Room for what a slider's move needs only for a moment. Asking for a megabyte anew at every move would
// have it collected again while a person is dragging.
const rooms = new Map();
function room(name, Kind, n) {
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
function sorted(logits, order) {
  const n = logits.length,
    values = room("values", Float32Array, n);
  for (let i = 0; i < n; i += 1) values[i] = logits[i] + 0; // -0 becomes 0: they are equal
  const keys = new Uint32Array(values.buffer);
  // Floats sort like whole numbers once the sign bit is flipped, and for negative ones all bits.
  for (let i = 0; i < n; i += 1) keys[i] = keys[i] & 0x80000000 ? ~keys[i] : keys[i] | 0x80000000;
  let from = room("ids", Uint32Array, n),
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
function weigh(values, removed = null, weights = new Float32Array(values.length)) {
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

// ---- the six steps: each changes `state` and returns what is worth saying about it ---------------

const steps = {
  repetition_penalty(state, penalty, previous) {
    if (!previous.length) return null;
    const { values } = state,
      out = Float32Array.from(values),
      by = Math.fround(penalty);
    // Dividing a negative logit would raise it, so that one is multiplied.
    for (const id of previous) out[id] = values[id] < 0 ? values[id] * by : values[id] / by;
    const seen = new Set(previous);
    return { ...moveTo(state, out), touched: (id) => seen.has(id) };
  },

  temperature(state, temperature) {
    const { values, removed } = state,
      by = Math.fround(temperature),
      scaled = new Float32Array(values.length);
    for (let i = 0; i < values.length; i += 1) scaled[i] = values[i] / by;
    if (temperature > 0 && Number.isFinite(largest(scaled, removed))) return moveTo(state, scaled);
    // Greedy, or a temperature that is zero in all but name: of several equal tokens the lowest id.
    const best = largest(values, removed),
      code = codeOf("temperature");
    let first = -1;
    for (let i = 0; i < values.length; i += 1) {
      if (removed[i] !== KEPT) continue;
      if (first < 0 && values[i] === best) first = i;
      else removed[i] = code;
    }
    return shrunk(state, { greedy: true });
  },

  /** All below the k-th most likely go; tokens equal to it stay. */
  top_k(state, k) {
    const { values, removed } = state,
      order = orderOf(state);
    let left = k,
      floor = -Infinity;
    for (let i = order.length - 1; i >= 0 && left > 0; i -= 1) {
      if (removed[order[i]] !== KEPT) continue;
      left -= 1;
      if (left === 0) floor = values[order[i]];
    }
    return drop(state, "top_k", (i) => values[i] < floor);
  },

  /** From the least likely on, tokens go while what has gone holds at most 1 - p. */
  top_p(state, p) {
    const { removed } = state,
      order = orderOf(state),
      { weights, sum, best } = softOf(state);
    const most = Math.fround(1 - p),
      code = codeOf("top_p");
    let last = order.length - 1,
      dropped = 0;
    while (last > 0 && removed[order[last]] !== KEPT) last -= 1; // the most likely one always stays
    for (let i = 0; i < last; i += 1) {
      const id = order[i];
      if (removed[id] !== KEPT) continue;
      dropped += Math.fround(weights[id] / sum);
      if (Math.fround(dropped) > most) break;
      removed[id] = code;
    }
    return shrunk(state, { best, sum });
  },

  /** Tokens less likely than minP times the most likely one go. */
  min_p(state, minP) {
    const { weights, sum, best } = softOf(state);
    const threshold = Math.fround(Math.fround(minP) * Math.fround(1 / sum)); // the best one weighs exp(0) = 1
    return { ...drop(state, "min_p", (i) => Math.fround(weights[i] / sum) < threshold), best, sum, threshold };
  },

  /** Tokens stay by how close their surprise is to the entropy, until they hold p; the most likely one may go. */
  typical_p(state, p) {
    const { values, removed } = state,
      { weights, sum, best } = softOf(state);
    const away = room("away", Float32Array, values.length).fill(Infinity),
      log = Math.fround(Math.log(sum));
    let entropy = 0;
    for (let i = 0; i < values.length; i += 1) {
      if (removed[i] !== KEPT) continue;
      away[i] = log - Math.fround(values[i] - best); // the surprise, for now
      const p = Math.fround(Math.exp(-away[i]));
      if (p > 0) entropy += Math.fround(away[i] * p);
    }
    entropy = Math.fround(entropy);
    for (let i = 0; i < values.length; i += 1) away[i] = Math.abs(Math.fround(away[i] - entropy));
    const order = sorted(away, room("by surprise", Uint32Array, away.length)),
      most = Math.fround(p);
    let held = 0,
      at = 0;
    for (; at < order.length - 1; at += 1) {
      held += Math.fround(weights[order[at]] / sum);
      if (!(Math.fround(held) < most)) break;
    }
    const limit = away[order[at]];
    return { ...drop(state, "typical_p", (i) => away[i] > limit), best, sum, entropy, limit };
  },
};

/** The same tokens with other logits. */
function moveTo(state, values) {
  state.values = values;
  state.order = state.soft = null;
  return {};
}
/** Fewer tokens with the same logits. */
function shrunk(state, said) {
  state.soft = null;
  return said;
}
function drop(state, name, goes) {
  const { removed } = state,
    code = codeOf(name);
  for (let i = 0; i < removed.length; i += 1) if (removed[i] === KEPT && goes(i)) removed[i] = code;
  return shrunk(state, {});
}
const orderOf = (state) => (state.order ??= ascending(state.values, state.near));
const softOf = (state) =>
  (state.soft ??= weigh(state.values, state.removed, room("weights", Float32Array, state.values.length)));

const same = (name, value) => value === OFF[name];

/**
 * Everything the settings do to one row of logits:
 *   shaped          the logits after repetition penalty and temperature, of removed tokens too
 *   order           ids from the least to the most likely by them
 *   best, sum       the largest of them, and the sum of exp(shaped - best), over all tokens
 *   removed         what removed each token: KEPT, or codeOf(the step's name)
 *   possible        how many tokens there were before the first step: all but those at -Infinity
 *   keptBest, keptSum, final   the same over the kept tokens, and the probabilities drawn from
 *   steps           what was done, in order: { name, value, kept, and what that step compared with }
 * `previous` holds the ids read so far, `near` the logits' own order if it is known. Throws when a logit is NaN or nothing is left to choose.
 */
export function apply(logits, settings, previous = [], near = null) {
  const all = { ...OFF, ...settings };
  const state = { values: logits, removed: new Uint8Array(logits.length), near, order: null, soft: null };
  if (!Number.isFinite(largest(logits))) throw new Error("The logits hold NaN or infinity.");
  for (let i = 0; i < logits.length; i += 1) if (logits[i] === -Infinity) state.removed[i] = codeOf("temperature");
  const possible = count(state.removed),
    done = [];
  for (const name of all.order) {
    if (same(name, all[name])) continue;
    const said = steps[name](state, all[name], previous);
    if (said) done.push({ name, value: all[name], kept: count(state.removed), ...said });
  }
  const { values: shaped, removed } = state,
    kept = softOf(state),
    final = new Float32Array(shaped.length);
  if (!Number.isFinite(kept.best)) throw new Error("The logits hold NaN or infinity.");
  for (let i = 0; i < final.length; i += 1) final[i] = kept.weights[i] / kept.sum;
  const whole = weigh(shaped, null, kept.weights);
  return {
    shaped,
    order: orderOf(state),
    best: whole.best,
    sum: whole.sum,
    removed,
    possible,
    steps: done,
    final,
    keptBest: kept.best,
    keptSum: kept.sum,
  };
}

function count(removed) {
  let kept = 0;
  for (let i = 0; i < removed.length; i += 1) if (removed[i] === KEPT) kept += 1;
  return kept;
}

/** What llm.filters.filter_logits returns. */
export function filterLogits(logits, settings, previous = []) {
  const { shaped, removed } = apply(logits, settings, previous);
  return shaped.map((x, i) => (removed[i] === KEPT ? x : -Infinity));
}

/** Entropy in bits. 2 to its power is the perplexity: as many equally likely tokens would be as uncertain. */
export function entropy(probabilities) {
  let bits = 0;
  for (let i = 0; i < probabilities.length; i += 1) {
    const p = probabilities[i];
    if (p > 0) bits -= p * Math.log2(p);
  }
  return Math.max(0, bits);
}

/** Total variation: the share of the probability that lies elsewhere in the one than in the other. */
export function distance(p, q) {
  let apart = 0;
  for (let i = 0; i < p.length; i += 1) apart += Math.abs(p[i] - q[i]);
  return apart / 2;
}
