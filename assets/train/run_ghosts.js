// Other runs behind the one that is shown: those in the address; else the last few that learnt from the same tokens,
// since only their losses compare.
import { address } from "../shared/address.js";
import { runState } from "./run_state.js";

/** @import { Ask } from "../shared/server.js" */

const GHOSTS = 3,
  NEAR = 8; // runs that are looked at for those few

/**
 * @param {Ask} ask
 * @param {object} page
 * @param {() => { id: string | null, about: any }} page.shown the run in front of them
 * @param {() => string[]} page.listed all runs, the newest first
 */
export function runGhosts(ask, { shown, listed }) {
  let ghosts = [];

  const chosen = () =>
    address
      .get("ghosts")
      ?.split(",")
      .filter((id) => id !== "none") ?? null;

  /** Read them anew. */
  async function read() {
    const { id, about } = shown(),
      ids = (chosen() ?? listed().slice(0, NEAR)).filter((one) => one !== id);
    const comparable = (one) => about !== null && one.text === about.text && one.tokens === about.tokens;
    const found = ids.length ? (await ask("read_ghosts", { runs: ids })).ghosts : [],
      kept = chosen() ? found : found.filter(comparable).slice(0, GHOSTS);
    ghosts = kept.map((ghost) => ({ ...ghost, digest: runState(ghost) }));
  }
  return {
    read,
    /** Those behind a run. */
    behind: (id) => ghosts.filter((ghost) => ghost.id !== id),
    ids: () => chosen() ?? ghosts.map((ghost) => ghost.id),
    /** A run that another takes the place of stays among those that were chosen. */
    leave(id) {
      if (chosen()) address.set({ ghosts: [...new Set([id, ...chosen()])].join(",") });
    },
  };
}
