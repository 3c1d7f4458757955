// The model writes in a tree: on at the end of a branch, an example of two branches, or all that a link holds.
import { EXAMPLE_TOKENS, runExample } from "./example.js";
import { leaders } from "./odds.js";
import { choiceOf, rewrite } from "./rewriting.js";
import { readPosition, viewAt } from "./token_stream.js";

/** @import { Ask } from "../shared/server.js" */
/** @import { Job } from "./queue.js" */
/**
 * @typedef {object} Grown a tree, and what of it is looked at
 * @property {any} tree branchTree
 * @property {any} active branch
 * @property {number | null} at its token
 * @property {any} compared branch
 * @property {boolean} example
 */

const MOST = 2000; // tokens of a branch, with what it departs from

/** The place of the token that the model held least likely, from `first` on. */
export const mostSurprising = (tokens, first = 0) =>
  tokens.reduce(
    (most, { raw }, i) => (i > first && raw < tokens[most].raw ? i : most),
    Math.min(first, tokens.length - 1),
  );

const dropEmpty = (tree, branches) => branches.filter(({ tokens }) => !tokens.length).forEach(tree.prune);

/**
 * @param {object} means
 * @param {Ask} means.ask
 * @param {any} means.pen a tokenStream
 * @param {any} means.line a workQueue
 * @param {any} means.store the settings
 * @param {() => void} means.drawn runs whenever tokens have come
 */
export function treeWriting({ ask, pen, line, store, drawn }) {
  let penned = null; // the branch that the pen stands at the end of

  /**
   * Write `count` tokens on at the end of a branch.
   * @param {Job} job @param {Grown} here @param {any} place @param {any} branch @param {number} count
   */
  async function grow(job, { tree }, place, branch, count) {
    const settings = store.values;
    if (penned !== branch) pen.forget(); // it may stand at the end of another one that is as long
    penned = branch;
    let ended = null;
    for (let left = Math.min(count, MOST - tree.path(branch).length); left > 0 && !ended && !job.stopped; ) {
      const ids = tree.path(branch).map(({ id }) => id),
        answer = await pen.draw(place, settings, ids, left);
      if (job.dropped) return;
      branch.tokens.push(...answer.tokens);
      left -= answer.tokens.length;
      ended = answer.ended;
      drawn();
    }
  }

  /**
   * A tree of two branches, so that there is one to see: the model's own text, and another token at one place.
   * @param {Grown} here @param {any} place
   */
  async function example(here, place) {
    const { tree } = here;
    here.example = true;
    await runExample(line, async (job) => {
      const first = tree.add(null, 0, [], "text 1");
      here.active = first;
      await grow(job, here, place, first, EXAMPLE_TOKENS);
      if (job.stopped || !first.tokens.length) return;
      const at = mostSurprising(first.tokens.slice(0, (2 * EXAMPLE_TOKENS) / 3), 4), // some of it is common to both
        ids = first.tokens.slice(0, at).map(({ id }) => id),
        odds = viewAt(await readPosition(ask, place, ids), store.values, ids);
      if (job.stopped) return;
      const other = leaders(odds.result, 2).find((id) => id !== first.tokens[at].id);
      const second = tree.depart(first, at, choiceOf(odds, other, place.step));
      Object.assign(here, { active: second, at, compared: first });
      await grow(job, here, place, second, EXAMPLE_TOKENS - at - 1);
    });
    dropEmpty(tree, tree.branches);
  }

  /**
   * Write the branches of a link again.
   * @param {Grown} here @param {any} place @param {any[]} saved what the link says of each
   */
  async function again(here, place, saved) {
    const { tree } = here,
      made = [];
    await line.run(async (job) => {
      for (const { parent, at, kept, name, runs } of saved) {
        if (job.stopped) return;
        const above = made[parent] ?? null,
          branch = tree.add(above, above ? Math.min(at, tree.path(above).length) : 0, [], name);
        const ids = () => tree.path(branch).map(({ id }) => id),
          add = (tokens) => {
            branch.tokens.push(...tokens);
            drawn();
          };
        branch.kept = kept;
        made.push(branch);
        here.active = penned = branch;
        await rewrite(job, runs, { ask, pen, place, ids, add });
        if (job.dropped) return;
      }
    });
    dropEmpty(tree, made);
    here.active = made[saved.findIndex(({ active }) => active)] ?? here.active;
    here.compared = made[saved.findIndex(({ compared }) => compared)] ?? null;
    here.at = here.active?.parent ? here.active.at : null;
  }

  return { grow, example, again };
}
