// The page's twin of llm/filters.py: one row of SAMPLERS for each sampler there, acting in the order the
// settings name, in the same float32 arithmetic, so that a slider shows exactly what the server would draw
// from. A test runs both on the same logits, ties included.
//
// Float32Array rounds every value that is stored in it, as torch does; Math.fround rounds the rest.
import { ascending, KEPT, largest, scratch, sorted, weigh } from "./logits.js";

export { ascending, KEPT, softmax } from "./logits.js";

// ---- the samplers ---------------------------------------------------------------------------------
//
// In llm's order. `off` is the value that changes nothing. `apply(state, value)` changes the state and
// returns what is worth saying about it, which the pictures and the arithmetic on the page tell:
//   best, sum          the odds it compared: exp(value - best) / sum
//   threshold, times   tokens less likely than the threshold went; it is the setting's value times `times`
//   entropy, limit     tokens stayed by how close their surprise is to the entropy
// `cuts` says what a cut is drawn as: a "rank" after which tokens go, or "odds" below which they go.

const SAMPLERS = {
  repetition_penalty: {
    off: 1,
    readsBack: true,
    apply(state, penalty) {
      const { values, previous } = state,
        out = Float32Array.from(values),
        by = Math.fround(penalty);
      if (!previous.length) return null;
      // Dividing a negative logit would raise it, so that one is multiplied.
      for (const id of previous) out[id] = values[id] < 0 ? values[id] * by : values[id] / by;
      const seen = new Set(previous);
      return { ...moveTo(state, out), touched: (id) => seen.has(id) };
    },
  },

  temperature: {
    off: 1,
    apply(state, temperature) {
      const { values, removed } = state,
        by = Math.fround(temperature),
        scaled = new Float32Array(values.length);
      for (let i = 0; i < values.length; i += 1) scaled[i] = values[i] / by;
      if (temperature > 0 && Number.isFinite(largest(scaled, removed)))
        return { ...moveTo(state, scaled), divided: true };
      // Greedy, or a temperature that is zero in all but name: of several equal tokens the lowest id.
      const best = largest(values, removed);
      let first = -1;
      return {
        ...drop(state, (i) => {
          if (first >= 0 || values[i] !== best) return true;
          first = i;
          return false;
        }),
        greedy: true,
      };
    },
  },

  /** All below the k-th most likely go; tokens equal to it stay. */
  top_k: {
    off: 0,
    cuts: "rank",
    apply(state, k) {
      const { values, removed } = state,
        order = orderOf(state);
      let left = k,
        floor = -Infinity;
      for (let i = order.length - 1; i >= 0 && left > 0; i -= 1) {
        if (removed[order[i]] !== KEPT) continue;
        left -= 1;
        if (left === 0) floor = values[order[i]];
      }
      return drop(state, (i) => values[i] < floor);
    },
  },

  /** From the least likely on, tokens go while what has gone holds at most 1 - p. */
  top_p: {
    off: 1,
    cuts: "rank",
    apply(state, p) {
      const { removed } = state,
        order = orderOf(state),
        { weights, sum, best } = softOf(state);
      const most = Math.fround(1 - p);
      let last = order.length - 1,
        dropped = 0;
      while (last > 0 && removed[order[last]] !== KEPT) last -= 1; // the most likely one always stays
      for (let i = 0; i < last; i += 1) {
        const id = order[i];
        if (removed[id] !== KEPT) continue;
        dropped += Math.fround(weights[id] / sum);
        if (Math.fround(dropped) > most) break;
        removed[id] = state.code;
      }
      return { ...shrunk(state), best, sum };
    },
  },

  /** Tokens less likely than minP times the most likely one go. */
  min_p: {
    off: 0,
    cuts: "odds",
    apply(state, minP) {
      const { sum } = softOf(state),
        times = Math.fround(1 / sum); // the best one weighs exp(0) = 1
      return dropBelow(state, Math.fround(Math.fround(minP) * times), times);
    },
  },

  /** Tokens stay by how close their surprise is to the entropy, until they hold p; the most likely one may go. */
  typical_p: {
    off: 1,
    apply(state, p) {
      const { values, removed } = state,
        { weights, sum, best } = softOf(state);
      const away = scratch("away", Float32Array, values.length).fill(Infinity),
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
      const order = sorted(away, scratch("by surprise", Uint32Array, away.length)),
        most = Math.fround(p);
      let held = 0,
        at = 0;
      for (; at < order.length - 1; at += 1) {
        held += Math.fround(weights[order[at]] / sum);
        if (!(Math.fround(held) < most)) break;
      }
      const limit = away[order[at]];
      return { ...drop(state, (i) => away[i] > limit), best, sum, entropy, limit };
    },
  },
};

export const ORDER = Object.keys(SAMPLERS);
/** The settings that change nothing. */
export const OFF = { ...Object.fromEntries(ORDER.map((name) => [name, SAMPLERS[name].off])), order: ORDER };
/** In `removed`, for what each sampler removed; the largest is for what the model itself rules out. */
export const codeOf = (name) => ORDER.indexOf(name) + 1;
const RULED_OUT = 255;
/** What a sampler's cut is drawn as; undefined where what it keeps are not the likeliest ones. */
export const cutsBy = (name) => SAMPLERS[name].cuts;
const isOff = (settings, name) => settings[name] === OFF[name];
/** Whether one of the samplers that act looks at the tokens read so far. */
export const readsBack = (settings) => ORDER.some((name) => SAMPLERS[name].readsBack && !isOff(settings, name));

/** The same tokens with other logits. */
function moveTo(state, values) {
  state.values = values;
  state.order = state.soft = null;
  return {};
}
/** Fewer tokens with the same logits. */
function shrunk(state) {
  state.soft = null;
  return {};
}
/** Remove the tokens that goes(id) says of. */
function drop(state, goes) {
  const { removed, code } = state;
  for (let i = 0; i < removed.length; i += 1) if (removed[i] === KEPT && goes(i)) removed[i] = code;
  return shrunk(state);
}
/** Remove the tokens that are less likely than the threshold, which is the setting's value times `times`. */
function dropBelow(state, threshold, times) {
  const { weights, sum, best } = softOf(state);
  return { ...drop(state, (i) => Math.fround(weights[i] / sum) < threshold), best, sum, threshold, times };
}
const orderOf = (state) => (state.order ??= ascending(state.values, state.near));
const softOf = (state) =>
  (state.soft ??= weigh(state.values, state.removed, scratch("weights", Float32Array, state.values.length)));

/**
 * Everything the settings do to one row of logits:
 *   shaped          the logits after repetition penalty and temperature, of removed tokens too
 *   order           ids from the least to the most likely by them
 *   best, sum       the largest of them, and the sum of exp(shaped - best), over all tokens
 *   removed         what removed each token: KEPT, codeOf(the step's name), or RULED_OUT by the model itself
 *   possible        how many tokens there were before the first step: all but those at -Infinity
 *   keptBest, keptSum, final   the same over the kept tokens, and the probabilities drawn from
 *   steps           what was done, in order: { name, value, kept, and what that step compared with }
 * `previous` holds the ids read so far, `near` the logits' own order if it is known. Throws when a logit is NaN or nothing is left to choose.
 */
export function apply(logits, settings, previous = [], near = null) {
  const all = { ...OFF, ...settings };
  const removed = new Uint8Array(logits.length),
    state = { values: logits, removed, previous, near, order: null, soft: null, code: KEPT };
  if (!Number.isFinite(largest(logits))) throw new Error("The logits hold NaN or infinity.");
  for (let i = 0; i < logits.length; i += 1) if (logits[i] === -Infinity) removed[i] = RULED_OUT;
  const possible = count(removed),
    done = [];
  for (const name of all.order) {
    if (isOff(all, name)) continue;
    state.code = codeOf(name);
    const said = SAMPLERS[name].apply(state, all[name]);
    if (said) done.push({ name, value: all[name], kept: count(removed), ...said });
  }
  const { values: shaped } = state,
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
