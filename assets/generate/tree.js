// A tree of texts. A branch departs from its parent at a token and goes on with tokens of its own; the
// first ones depart from the prompt. Plain data: no page, no server.

/**
 * @typedef {object} Branch
 * @property {number} id
 * @property {Branch | null} parent null for the prompt
 * @property {number} at the place in the parent's path where it departs
 * @property {{ id: number }[]} tokens its own
 * @property {string} name
 * @property {boolean} kept
 */

export const branchTree = () => {
  /** @type {Branch[]} */
  let branches = [];
  let made = 0;

  /** All tokens of a branch from the prompt on. */
  const path = (branch) => (branch.parent ? path(branch.parent).slice(0, branch.at) : []).concat(branch.tokens);
  const children = (branch) => branches.filter((other) => other.parent === branch);
  const ancestors = (branch) => (branch.parent ? [branch.parent, ...ancestors(branch.parent)] : []);

  function add(parent, at, tokens, name = null) {
    const branch = { id: (made += 1), parent, at, tokens: [...tokens], name: name ?? `branch ${made}`, kept: false };
    branches.push(branch);
    return branch;
  }

  /** The branch and place that a token at `at` of a branch's path belongs to: it may be its parent's. */
  function owner(branch, at) {
    return branch.parent && at <= branch.at ? owner(branch.parent, at) : branch;
  }

  /** A branch whose path begins with these ids, or null. */
  function find(ids) {
    return (
      branches.find((branch) => {
        const own = path(branch);
        return own.length >= ids.length && ids.every((id, i) => own[i].id === id);
      }) ?? null
    );
  }

  return {
    get branches() {
      return branches;
    },
    path,
    add,
    find,
    /** Take another token at `at` of a branch: the branch that goes on with it, which may be there already. */
    depart(branch, at, token) {
      const whole = path(branch),
        there = find([...whole.slice(0, at).map(({ id }) => id), token.id]);
      if (there) return there;
      if (at === whole.length && !children(branch).some((child) => child.at === at)) {
        branch.tokens.push(token);
        return branch;
      }
      return add(owner(branch, at), at, [token]);
    },
    /** Remove a branch and all that departs from it. */
    prune(branch) {
      const goes = new Set([branch]);
      for (let before = 0; before !== goes.size; ) {
        before = goes.size;
        for (const one of branches) if (goes.has(one.parent)) goes.add(one);
      }
      branches = branches.filter((one) => !goes.has(one));
    },
    /** Remove all but the kept branches and those they depart from. */
    pruneOthers() {
      const stays = new Set(branches.filter(({ kept }) => kept).flatMap((branch) => [branch, ...ancestors(branch)]));
      branches = branches.filter((branch) => stays.has(branch));
    },
    /** Branches top to bottom, so that no line from parent to child crosses another: late departures come first. */
    rows() {
      const below = (parent) =>
        children(parent)
          .sort((a, b) => b.at - a.at || a.id - b.id)
          .flatMap((branch) => [branch, ...below(branch)]);
      return branches.filter(({ parent }) => !parent).flatMap((branch) => [branch, ...below(branch)]);
    },
  };
};
