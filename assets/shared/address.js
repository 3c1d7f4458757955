// The state that is kept in the address, so that a link shows exactly what is seen.

export const address = {
  all: () => new URLSearchParams(location.hash.slice(1)),
  /**
   * @param {string} key
   * @param {string | null} otherwise what it is where the address doesn't say
   */
  get(key, otherwise = null) {
    return this.all().get(key) ?? otherwise;
  },
  /** @param {Record<string, unknown>} changes by key; null, undefined and "" take a key away */
  set(changes) {
    const state = this.all();
    for (const [key, value] of Object.entries(changes)) {
      const nothing = value === null || value === undefined || (value === "" && key !== "prompt"); // an empty prompt is one
      if (nothing) state.delete(key);
      else state.set(key, String(value));
    }
    history.replaceState(null, "", `#${state}`);
  },
};
