// The state that is kept in the address, so that a link shows exactly what is seen.

/** "#a=1&b=2" as its keys and values. */
export const readHash = (hash) => new URLSearchParams(hash.slice(1));

/** An address with some keys changed; null, undefined and "" take a key away. */
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
  get(key, otherwise = null) {
    return this.all().get(key) ?? otherwise;
  },
  set(changes) {
    history.replaceState(null, "", changedHash(location.hash, changes));
  },
};
