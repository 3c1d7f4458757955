// A text as one model met it, token by token: asked for window by window, with its figures; and two such
// readings side by side, over the stretches whose ends both tokenizers agree on.
import { readVocabulary } from "../shared/tokens/vocabulary.js";

/** @import { Ask } from "../shared/server.js" */

/**
 * Read `text`: { ids, met, vocabulary, nCtx, lost, windows, starts }, where met[i] is null or
 * { nats, rank, context, expected }; null if no longer wanted.
 * @param {Ask} ask
 * @param {object} place the model and its moment
 * @param {string} text
 * @param {(done: number, total: number) => void} progress runs after each answer
 * @param {() => boolean} go whether to go on
 */
export const readText = async (ask, place, text, progress, go) => {
  /** @type {any} */
  const reading = { met: [], starts: new Set() };
  for (let next = 0; next !== null; ) {
    const answer = await ask("read_surprise", { ...place, text, window: next });
    if (!go()) return null;
    reading.vocabulary ??= await readVocabulary(ask, place, answer.tokenizer);
    Object.assign(reading, { ids: answer.ids, nCtx: answer.n_ctx, lost: answer.lost, windows: answer.windows });
    answer.met.forEach(([nats, rank, context, expected], i) => {
      const at = answer.first + i;
      reading.met[at] = { nats, rank, context, expected };
      if (at > 1 && context < reading.met[at - 1].context) reading.starts.add(at); // a window begins
    });
    next = answer.next;
    progress(next ?? answer.windows, answer.windows);
  }
  reading.met[0] = null;
  return reading;
};

/** Start of each token in bytes, and the end of the last. */
export const byteEdges = ({ ids, vocabulary }) => {
  const edges = [0];
  for (const id of ids) edges.push(edges.at(-1) + vocabulary.bytes(id).length);
  return edges;
};

/** Perplexity and bits per byte of tokens from..to (excluded), the unmet first one left out; null when there are none. */
export const textFigures = (reading, from = 0, to = reading.ids.length) => {
  let nats = 0,
    count = 0,
    bytes = 0,
    firsts = 0;
  for (let i = from; i < to; i += 1) {
    const met = reading.met[i];
    if (!met) continue;
    nats += met.nats;
    count += 1;
    firsts += Number(met.rank === 1);
    bytes += reading.vocabulary.bytes(reading.ids[i]).length;
  }
  if (!count) return null;
  return {
    count,
    bytes,
    bits: nats / Math.LN2,
    loss: nats / count,
    perplexity: Math.exp(nats / count),
    firsts: firsts / count,
    perByte: reading.lost || !bytes ? null : nats / Math.LN2 / bytes,
  };
};

/**
 * For each token of `ours` the bits that ours was less (above 0: more) surprised than theirs, over the
 * shortest stretch around it that both cut alike: [{ bits, from, to }], null where either met nothing.
 */
export const surpriseApart = (ours, theirs) => {
  const mine = byteEdges(ours),
    other = byteEdges(theirs),
    apart = new Array(ours.ids.length).fill(null);
  if (mine.at(-1) !== other.at(-1)) return apart; // a tokenizer lost something: nothing lines up
  const sum = (reading, from, to) => {
    let nats = 0;
    for (let i = from; i < to; i += 1) {
      if (!reading.met[i]) return NaN;
      nats += reading.met[i].nats;
    }
    return nats / Math.LN2;
  };
  for (let a = 0, b = 0; a < ours.ids.length; ) {
    let aEnd = a + 1,
      bEnd = b + 1;
    while (mine[aEnd] !== other[bEnd]) {
      if (mine[aEnd] < other[bEnd]) aEnd += 1;
      else bEnd += 1;
    }
    const bits = sum(ours, a, aEnd) - sum(theirs, b, bEnd);
    if (!Number.isNaN(bits)) apart.fill({ bits, from: a, to: aEnd, theirs: [b, bEnd] }, a, aEnd);
    [a, b] = [aEnd, bEnd];
  }
  return apart;
};
