// What every view that writes shares: the names of all tokens, once a tokenizer, and a pen, which asks
// the server to draw and keeps its generation going while nothing else has written.
(() => {
  "use strict";

  const known = new Map();  // tokenizer's hash -> its vocabulary
  /** The vocabulary of that hash; `ask` and `place` say where to get it. */
  glassbox.words = async (ask, place, hash) => {
    if (!known.has(hash)) known.set(hash, glassbox.vocabulary(await ask("read_vocabulary", place)));
    return known.get(hash);
  };

  /** What the server says about the position after `ids`: { logits, own, ownOrder, entropy, promptIds, nCtx, reads, vocabulary }. */
  glassbox.position = async (ask, place, ids) => {
    const answer = await ask("read_logits", { ...place, ids });
    const vocabulary = await glassbox.words(ask, place, answer.tokenizer);
    return { ...glassbox.arrived(answer), promptIds: answer.prompt_ids, nCtx: answer.n_ctx, vocabulary };
  };
  glassbox.arrived = (answer) => {
    const { sampler } = glassbox, logits = glassbox.floats(answer.logits), own = sampler.softmax(logits);
    return { logits, own, ownOrder: sampler.ascending(logits), entropy: sampler.entropy(own), reads: answer.reads };
  };

  /** The odds at a position under some settings; `ids` were written before it. What odds.draw and others show. */
  glassbox.viewAt = (at, settings, ids) => {
    const previous = settings.repetition_penalty === 1 ? [] : at.promptIds.concat(ids);
    const result = glassbox.sampler.apply(at.logits, settings, previous, at.ownOrder);
    return { ...at, result, settings, previous, label: at.vocabulary.label };
  };

  /** pen(ask, lane): draws in one of the visitor's lanes (llm/ui/generate/drawing.py). */
  glassbox.pen = (ask, lane) => {
    let live = null;  // { id, key, at }: the server's generation, while nothing but it has written
    return {
      forget() { live = null; },
      /** Up to `count` more tokens after `ids`: { tokens: [{ id, p, raw, rank, share, begins, settings }], ... }. */
      async draw(place, settings, ids, count) {
        const key = JSON.stringify([place, { ...settings, max_new_tokens: 0 }]);
        let answer = null, begins = false;
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
        const tokens = answer.tokens.map(([id, p, raw, rank, share], i) =>
          ({ id, p, raw, rank, share, begins: begins && i === 0, settings: live.settings }));
        if (answer.ended) live = null;
        return { ...answer, tokens };
      },
    };
  };

  /** Bits of surprise: how unlikely the model itself held a token. */
  glassbox.bitsOf = (token) => -Math.log2(Math.max(token.raw, 1e-30));
  /** The mean of the tokens' log-probabilities in the model, in nats. */
  glassbox.meanLog = (tokens) =>
    (tokens.length ? tokens.reduce((sum, token) => sum + Math.log(Math.max(token.raw, 1e-30)), 0) / tokens.length : null);

  /** Where a stop text ended this text: { from, stop }, of several the one that is complete first. */
  glassbox.stoppedAt = (text, stops) => {
    const found = stops.map((stop) => ({ stop, from: text.indexOf(stop) })).filter(({ from }) => from >= 0);
    found.sort((a, b) => a.from + a.stop.length - (b.from + b.stop.length) || a.from - b.from);
    return found[0] ?? { stop: "", from: text.length };
  };
})();
