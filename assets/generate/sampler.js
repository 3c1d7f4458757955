// The page's twin of llm/sampler.py: the same filters in the same order (repetition penalty,
// temperature, top-k, top-p, min-p), in the same float32 steps, so that a slider shows exactly what
// the server would draw from. A test runs both on the same logits, ties included.
//
// Float32Array rounds every value that is stored in it, as torch does; Math.fround rounds the rest.
glassbox.sampler = (() => {
  "use strict";

  const KEPT = 0, TEMPERATURE = 1, TOP_K = 2, TOP_P = 3, MIN_P = 4;  // what removed a token
  const OFF = { repetition_penalty: 1, temperature: 1, top_k: 0, top_p: 1, min_p: 0 };

  /** The largest value; NaN where there is one. */
  function largest(values) {
    let best = -Infinity;
    for (let i = 0; i < values.length; i += 1) {
      if (!(values[i] <= best)) best = values[i];  // NaN is never <=, and then stays
    }
    return best;
  }

  function penaliseRepetition(logits, previous, penalty) {
    const out = Float32Array.from(logits), by = Math.fround(penalty);
    // Dividing a negative logit would raise it, so that one is multiplied.
    for (const id of previous) out[id] = logits[id] < 0 ? logits[id] * by : logits[id] / by;
    return out;
  }

  function applyTemperature(logits, temperature) {
    const by = Math.fround(temperature), scaled = new Float32Array(logits.length);
    for (let i = 0; i < logits.length; i += 1) scaled[i] = logits[i] / by;
    return temperature > 0 && Number.isFinite(largest(scaled)) ? scaled : keepFirstMostLikely(logits);
  }

  function keepFirstMostLikely(logits) {
    const out = new Float32Array(logits.length).fill(-Infinity), best = logits.indexOf(largest(logits));
    out[best] = logits[best];
    return out;
  }

  /**
   * Ids from the least to the most likely token, equal ones by id. A radix sort: it is stable and
   * needs a millisecond for GPT-2's vocabulary, where a sort with a comparison needs thirty.
   */
  function ascending(logits) {
    const n = logits.length, values = new Float32Array(n);
    for (let i = 0; i < n; i += 1) values[i] = logits[i] + 0;  // -0 becomes 0: they are equal
    const keys = new Uint32Array(values.buffer);
    // Floats sort like whole numbers once the sign bit is flipped, and for negative ones all bits.
    for (let i = 0; i < n; i += 1) keys[i] = keys[i] & 0x80000000 ? ~keys[i] : keys[i] | 0x80000000;
    let from = new Uint32Array(n), to = new Uint32Array(n);
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

  /** exp(logit - best): all filters share these, because none ever removes the most likely token. */
  function weigh(logits) {
    const best = largest(logits), weights = new Float32Array(logits.length);
    for (let i = 0; i < logits.length; i += 1) weights[i] = Math.exp(Math.fround(logits[i] - best));
    return weights;
  }

  function total(weights, removed = null) {
    let sum = 0;
    for (let i = 0; i < weights.length; i += 1) if (!removed || removed[i] === KEPT) sum += weights[i];
    return Math.fround(sum);
  }

  function softmax(logits) {
    const weights = weigh(logits), sum = total(weights);
    for (let i = 0; i < weights.length; i += 1) weights[i] /= sum;
    return weights;
  }

  /** Mark all below the k-th most likely; tokens equal to it stay. */
  function markTopK(scaled, order, k, removed) {
    const kth = scaled[order[order.length - Math.min(k, order.length)]];
    for (let i = 0; i < scaled.length; i += 1) if (scaled[i] < kth && removed[i] === KEPT) removed[i] = TOP_K;
  }

  /** From the least likely on, mark tokens while what is dropped holds at most 1 - p. */
  function markTopP(weights, order, p, removed) {
    const sum = total(weights, removed), most = Math.fround(1 - p);
    let dropped = 0;
    for (let i = 0; i < order.length - 1; i += 1) {  // the last one always stays
      const id = order[i];
      if (removed[id] !== KEPT) continue;
      dropped += Math.fround(weights[id] / sum);
      if (Math.fround(dropped) > most) return;
      removed[id] = TOP_P;
    }
  }

  /** Mark tokens less likely than minP times the most likely one. */
  function markMinP(weights, minP, removed) {
    const sum = total(weights, removed);
    const threshold = Math.fround(Math.fround(minP) * Math.fround(1 / sum));  // the best one weighs exp(0) = 1
    for (let i = 0; i < weights.length; i += 1) {
      if (removed[i] === KEPT && Math.fround(weights[i] / sum) < threshold) removed[i] = MIN_P;
    }
  }

  /**
   * Everything the settings do to one row of logits:
   *   penalised, scaled   logits after the repetition penalty, and after the temperature
   *   order               ids from the least to the most likely
   *   weights, sum        exp(scaled - best), and their sum over all tokens
   *   removed             what removed each token (KEPT, TEMPERATURE, TOP_K, TOP_P, MIN_P)
   *   keptSum, final      the sum over the kept tokens, and the probabilities drawn from
   * `previous` holds the ids read so far. Throws when a logit is NaN or nothing is left to choose.
   */
  function apply(logits, settings, previous = []) {
    const { repetition_penalty, temperature, top_k, top_p, min_p } = { ...OFF, ...settings };
    const penalised = repetition_penalty === 1 ? logits : penaliseRepetition(logits, previous, repetition_penalty);
    if (!Number.isFinite(largest(penalised))) throw new Error("The logits hold NaN or infinity.");
    const scaled = temperature === 1 ? penalised : applyTemperature(penalised, temperature);
    const removed = new Uint8Array(scaled.length);
    for (let i = 0; i < scaled.length; i += 1) if (scaled[i] === -Infinity) removed[i] = TEMPERATURE;
    const order = ascending(scaled), weights = weigh(scaled), sum = total(weights);
    if (top_k > 0) markTopK(scaled, order, top_k, removed);
    if (top_p < 1) markTopP(weights, order, top_p, removed);
    if (min_p > 0) markMinP(weights, min_p, removed);
    const keptSum = total(weights, removed), final = new Float32Array(weights.length);
    for (let i = 0; i < final.length; i += 1) if (removed[i] === KEPT) final[i] = weights[i] / keptSum;
    return { penalised, scaled, order, weights, sum, removed, keptSum, final };
  }

  /** What llm.sampler.filter_logits returns. */
  function filterLogits(logits, settings, previous = []) {
    const { scaled, removed } = apply(logits, settings, previous);
    return scaled.map((x, i) => (removed[i] === KEPT ? x : -Infinity));
  }

  /** Entropy in bits. 2 to its power is the perplexity: as many equally likely tokens would be as uncertain. */
  function entropy(probabilities) {
    let bits = 0;
    for (let i = 0; i < probabilities.length; i += 1) {
      const p = probabilities[i];
      if (p > 0) bits -= p * Math.log2(p);
    }
    return Math.max(0, bits);
  }

  return { KEPT, TEMPERATURE, TOP_K, TOP_P, MIN_P, OFF, apply, filterLogits, softmax, entropy, ascending };
})();
