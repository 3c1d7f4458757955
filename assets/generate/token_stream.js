// What every view that writes shares: it asks the server to draw and keeps its generation going while
// nothing else has written.
import { floatsOf } from "../shared/numbers.js";
import * as sampler from "../shared/sampler.js";
import { readVocabulary } from "../shared/tokens/vocabulary.js";

/** What the server says about the position after `ids`: { logits, own, ownOrder, entropy, promptIds, nCtx, reads, vocabulary }. */
export const readPosition = async (ask, place, ids) => {
  const answer = await ask("read_logits", { ...place, ids });
  const vocabulary = await readVocabulary(ask, place, answer.tokenizer);
  return { ...arrived(answer), promptIds: answer.prompt_ids, nCtx: answer.n_ctx, vocabulary };
};
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

/** pen(ask, lane): draws in one of the visitor's lanes (llm/ui/generate/drawing.py). */
export const tokenStream = (ask, lane) => {
  let live = null; // { id, key, at }: the server's generation, while nothing but it has written
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
        answer = await ask("draw_tokens", { lane, generation: live.id, count });
      }
      if (!answer || answer.gone) {
        // The first token alone, so that it is there at once.
        answer = await ask("begin_generation", { ...place, ...settings, lane, ids, count: 1 });
        live = { id: answer.generation, key, settings };
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
      }));
      if (answer.ended) live = null;
      return { ...answer, tokens };
    },
  };
};

/** Bits of surprise: how unlikely the model itself held a token. */
export const bitsOf = (token) => -Math.log2(Math.max(token.raw, 1e-30));
/** The mean of the tokens' log-probabilities in the model, in nats. */
export const meanLog = (tokens) =>
  tokens.length ? tokens.reduce((sum, token) => sum + Math.log(Math.max(token.raw, 1e-30)), 0) / tokens.length : null;

/** Where a stop text ended this text: { from, stop }, of several the one that is complete first. */
export const stoppedAt = (text, stops) => {
  const found = stops.map((stop) => ({ stop, from: text.indexOf(stop) })).filter(({ from }) => from >= 0);
  found.sort((a, b) => a.from + a.stop.length - (b.from + b.stop.length) || a.from - b.from);
  return found[0] ?? { stop: "", from: text.length };
};
