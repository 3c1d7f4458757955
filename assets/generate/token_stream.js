// What every view that writes shares: it asks the server to draw and keeps its generation going while
// nothing else has written.
import { connected } from "../shared/connection.js";
import { floatsOf } from "../shared/numbers.js";
import * as sampler from "../shared/sampler.js";
import { NoAnswer } from "../shared/server.js";
import { readVocabulary } from "../shared/tokens/vocabulary.js";

/** @import { Ask } from "../shared/server.js" */

/**
 * The position after `ids`: { logits, own, ownOrder, entropy, promptIds, nCtx, reads, vocabulary }.
 * @param {Ask} ask
 * @param {object} place the model, its moment and the prompt
 * @param {number[]} ids what was written
 */
export const readPosition = async (ask, place, ids) => {
  const answer = await ask("read_logits", { ...place, ids });
  const vocabulary = await readVocabulary(ask, place, answer.tokenizer);
  return { ...arrived(answer), promptIds: answer.prompt_ids, nCtx: answer.n_ctx, vocabulary };
};
/**
 * The odds of a position as the page keeps them.
 * @param {{ logits: string, reads: number }} answer of the server
 */
export const arrived = (answer) => {
  const logits = floatsOf(answer.logits),
    own = sampler.softmax(logits);
  return { logits, own, ownOrder: sampler.ascending(logits), entropy: sampler.entropy(own), reads: answer.reads };
};

/** The odds at a position under some settings; `ids` were written before it. What odds.draw and others show. */
export const viewAt = (at, settings, ids) => {
  const previous = sampler.readsBack(settings) ? at.promptIds.concat(ids) : [];
  const result = sampler.apply(at.logits, settings, previous, at.ownOrder);
  return { ...at, result, settings, previous, label: at.vocabulary.label };
};

/**
 * Draws in one of the visitor's lanes (llm/ui/generate/drawing.py).
 * @param {Ask} ask
 * @param {string} lane
 */
export const tokenStream = (ask, lane) => {
  let live = null; // { id, key, at, settings, late }: the server's generation, while nothing but it has written
  return {
    forget() {
      live = null;
    },
    /** Up to `count` more tokens after `ids`: { tokens: [{ id, p, raw, rank, share, begins, settings }], ... }. */
    async draw(place, settings, ids, count) {
      const key = JSON.stringify([place, { ...settings, max_new_tokens: 0 }]);
      let answer = null,
        begins = false;
      if (live && live.key === key && live.at === ids.length) {
        try {
          answer = await ask("draw_tokens", { lane, generation: live.id, count });
        } catch (error) {
          if (!(error instanceof NoAnswer)) throw error;
          await connected(); // the server may have drawn what never came here: it begins again from here
        }
      }
      if (!answer || answer.gone) {
        // The first token alone, so that it is there at once.
        answer = await ask("begin_generation", { ...place, ...settings, lane, ids, count: 1 });
        // The exact weights write where the fast ones are not there yet; what a token says is what wrote it.
        live = { id: answer.generation, key, settings: { ...settings, weights: answer.weights } };
        live.late = settings.weights !== answer.weights;
        begins = true;
      }
      live.at = ids.length + answer.tokens.length;
      const tokens = answer.tokens.map(([id, p, raw, rank, share], i) => ({
        id,
        p,
        raw,
        rank,
        share,
        begins: begins && i === 0,
        settings: live.settings,
        late: live.late,
      }));
      if (answer.ended) live = null;
      return { ...answer, tokens };
    },
  };
};

/**
 * A token that was drawn.
 * @typedef {object} Drawn
 * @property {number} id
 * @property {number} p what it was drawn with, under the settings
 * @property {number} raw its probability in the model itself
 * @property {number} rank its place among the model's own, from 1
 * @property {number} share where in the odds, laid end to end, the random number fell, from 0 to 1
 * @property {boolean} begins whether a generation of the server begins with it
 * @property {object} settings those it was drawn under
 * @property {boolean} late whether the 8-bit weights were to write, and were not there yet
 */

/**
 * Bits of surprise: how unlikely the model itself held a token.
 * @param {{ raw: number }} token
 */
export const bitsOf = (token) => -Math.log2(Math.max(token.raw, 1e-30));
/**
 * The mean of the tokens' log-probabilities in the model, in nats; null without tokens.
 * @param {{ raw: number }[]} tokens
 */
export const meanLog = (tokens) =>
  tokens.length ? tokens.reduce((sum, token) => sum + Math.log(Math.max(token.raw, 1e-30)), 0) / tokens.length : null;

/**
 * Where a stop text ended this text: of several the one that is complete first.
 * @param {string} text
 * @param {string[]} stops
 * @returns {{ from: number, stop: string }} the text's end and "" where none did
 */
export const stoppedAt = (text, stops) => {
  const found = stops.map((stop) => ({ stop, from: text.indexOf(stop) })).filter(({ from }) => from >= 0);
  found.sort((a, b) => a.from + a.stop.length - (b.from + b.stop.length) || a.from - b.from);
  return found[0] ?? { stop: "", from: text.length };
};
