// At most one call at a time.

/**
 * Wrap an async function so that at most one call runs and only the newest waiting one follows it.
 * @template {unknown[]} A
 * @param {(...args: A) => Promise<unknown>} fn
 * @returns {(...args: A) => Promise<void>}
 */
export function latest(fn) {
  let running = false,
    next = null;
  return async function call(...args) {
    if (running) {
      next = args;
      return;
    }
    running = true;
    try {
      await fn(...args);
    } finally {
      running = false;
      if (next) {
        const again = next;
        next = null;
        call(...again);
      }
    }
  };
}
