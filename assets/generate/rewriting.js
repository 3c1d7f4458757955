// A text that a link brought is written again by the model: what was drawn is drawn with its seed and
// settings, what a person chose is taken. Where the draw comes out otherwise - the model has learnt on, or
// somebody changed the link - the link's tokens stand, marked as chosen.
import { readPosition, viewAt } from "./token_stream.js";

/**
 * A token that a person chose.
 * @param {any} view the odds at its place (viewAt)
 * @param {number} id
 * @param {number | null} step the moment it was chosen at
 */
export const choiceOf = ({ own, result, settings }, id, step) => {
  const rank = 1 + own.reduce((higher, p) => higher + Number(p > own[id]), 0);
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

/** Wait for the 8-bit weights that drew a run, where this server can make them. */
async function fastWeights(job, { model, step }, ask) {
  while (!job.stopped) {
    const answer = await ask("measure_weights", { model, step, on: true });
    if (answer.ready || answer.why_not !== null) return;
    await job.wait(300);
  }
}

/**
 * Write runs again.
 * @param {import("./queue.js").Job} job
 * @param {{ ids: number[], chosen: boolean, settings: any, step: number | null }[]} runs
 * @param {object} means
 * @param {import("../shared/server.js").Ask} means.ask
 * @param {any} means.pen a tokenStream
 * @param {any} means.place the model, its moment and the prompt
 * @param {() => number[]} means.ids what stands there so far
 * @param {(tokens: object[], answer: object | null) => void} means.add appends; the answer is there where the pen stands
 *   right behind them
 */
export const rewrite = async (job, runs, { ask, pen, place, ids, add }) => {
  for (const run of runs) {
    const then = { ...place, step: run.step };
    if (!run.chosen && run.settings.weights === "int8") await fastWeights(job, then, ask);
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
