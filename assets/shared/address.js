// The state that is kept in the address, so that a link shows exactly what is seen.

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

export const address = {
  all: () => readHash(location.hash),
  /**
   * @param {string} key
   * @param {string | null} otherwise what it is where the address doesn't say
   */
  get(key, otherwise = null) {
    return this.all().get(key) ?? otherwise;
  },
  /** @param {Record<string, unknown>} changes by key; null, undefined and "" take a key away */
  set(changes) {
    history.replaceState(null, "", changedHash(location.hash, changes));
  },
};
