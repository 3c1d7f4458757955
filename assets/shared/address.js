// The state that is kept in the address, so that a link shows exactly what is seen.
//
// What a person turns to - another model, moment, tab or view - is an entry in the browser's history; all else
// replaces the last one. The subject and the views follow an address that comes from outside ("address" is emitted).
import { emit } from "./events.js";

const FOLLOWED = ["model", "step", "prompt", "tab", "view"];
const SOON = 1000; // milliseconds within which one more step of the same kind is the same act

let shown = location.hash, // the address that the page shows
  turned = { keys: "", at: -SOON };

/** What an address says besides what the page follows: the views' own settings, which they read when they begin. */
const settings = (hash) => [...readHash(hash)].filter(([key, value]) => !FOLLOWED.includes(key) && value !== "");

/**
 * The keys and values of an address.
 * @param {string} hash as in "#a=1&b=2"
 */
export const readHash = (hash) => new URLSearchParams(hash.slice(1));

/**
 * The same address with some keys changed.
 * @param {string} hash
 * @param {Record<string, unknown>} changes by key; null, undefined and "" take a key away
 */
export function changedHash(hash, changes) {
  const state = readHash(hash);
  for (const [key, value] of Object.entries(changes)) {
    const nothing = value === null || value === undefined || (value === "" && key !== "prompt"); // an empty prompt is one
    if (nothing) state.delete(key);
    else state.set(key, String(value));
  }
  return `#${state}`;
}

/** This page with that state; a bare "#..." would be looked for at the page's <base>. */
const here = (hash) => location.pathname + location.search + hash;

export const address = {
  all: () => readHash(location.hash),
  /**
   * @param {string} key
   * @param {string | null} otherwise what it is where the address doesn't say
   */
  get(key, otherwise = null) {
    return this.all().get(key) ?? otherwise;
  },
  /**
   * @param {Record<string, unknown>} changes by key; null, undefined and "" take a key away
   * @param {{ turn?: boolean }} options `turn` where a person turned to something else and may want to go back
   */
  set(changes, { turn = false } = {}) {
    const hash = changedHash(location.hash, changes);
    if (hash === location.hash || (hash === "#" && !location.hash)) return;
    const keys = String(Object.keys(changes)),
      more = keys === turned.keys && performance.now() - turned.at < SOON;
    if (turn) turned = { keys, at: performance.now() };
    history[turn && !more ? "pushState" : "replaceState"]({ glassbox: true }, "", here(hash));
    shown = location.hash;
    emit("moved");
  },
  /**
   * Take over another page's address, without an entry in the history. Nobody hears of it yet.
   * @param {string} hash
   * @returns {string[]} the keys whose values are others now
   */
  become(hash) {
    const before = this.all();
    history.replaceState({ glassbox: true }, "", here(changedHash(hash, {})));
    shown = location.hash;
    const now = this.all();
    return [...new Set([...before.keys(), ...now.keys()])].filter((key) => before.get(key) !== now.get(key));
  },
};

// Neither pushState nor replaceState sets this off: the address was typed, a link in the page was followed, or
// somebody went back or forward.
addEventListener("hashchange", () => {
  const before = settings(shown),
    own = history.state?.glassbox; // an entry made above; going there turns back, it does not undo every slider
  if (own) {
    const state = address.all();
    for (const [key] of settings(location.hash)) state.delete(key);
    for (const [key, value] of before) state.set(key, value);
    history.replaceState({ glassbox: true }, "", here(`#${state}`));
  } else if (String(before.sort()) !== String(settings(location.hash).sort())) return location.reload();
  shown = location.hash;
  emit("address");
});
