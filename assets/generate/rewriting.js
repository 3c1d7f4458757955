// A text that a link brought is written again by the model: what was drawn is drawn with its seed and
// settings, what a person chose is taken. Where the draw comes out otherwise - the model has learnt on, or
// somebody changed the link - the link's tokens stand, marked as chosen.
import { readPosition, viewAt } from "./token_stream.js";

/** A token that a person chose, with the odds of a view (viewAt) at its place. */
export const choiceOf = ({ own, result, settings }, id, step) => {
  const rank = 1 + own.reduce((higher, p) => higher + (p > own[id]), 0);
  return { id, p: result.final[id], raw: own[id], rank, forced: true, settings, step };
};

/** Draw a run; returns the ids from where the draw differs on. */
async function redraw(job, { ids: wanted, settings }, place, { pen, ids, add }) {
  let left = wanted;
  pen.forget();
  while (left.length && !job.stopped) {
    const answer = await pen.draw(place, settings, ids(), left.length);
    if (job.dropped) return [];
    const tokens = answer.tokens.map((token) => ({ ...token, step: place.step }));
    const apart = tokens.findIndex(({ id }, i) => id !== left[i]),
      same = apart < 0 ? tokens.length : apart;
    add(tokens.slice(0, same), apart < 0 ? { ...answer, tokens } : null);
    left = left.slice(same);
    if (apart >= 0 || answer.ended) break;
  }
  if (left.length) pen.forget();
  return left;
}

/**
 * rewrite(job, runs, { ask, pen, place, ids, add }): ids() is what stands there so far; add(tokens, answer)
 * appends, with the server's answer where the pen stands right behind them.
 */
export const rewrite = async (job, runs, { ask, pen, place, ids, add }) => {
  for (const run of runs) {
    const then = { ...place, step: run.step };
    const taken = run.chosen ? run.ids : await redraw(job, run, then, { pen, ids, add });
    for (const id of taken) {
      if (job.stopped) return;
      const position = await readPosition(ask, then, ids());
      if (job.dropped) return;
      pen.forget();
      add([choiceOf(viewAt(position, run.settings, ids()), id, run.step)], null);
    }
  }
};
