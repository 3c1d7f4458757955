// What panels tell one another: on("subject", hear), emit("subject", detail).

/** @type {Map<string, ((detail?: any) => void)[]>} */
const listeners = new Map();
/** @type {[event: string, fn: (detail?: any) => void][] | null} */
let noted = null; // who listens during `listening`
/**
 * @param {string} event
 * @param {(detail?: any) => void} fn
 */
export const on = (event, fn) => {
  listeners.set(event, [...(listeners.get(event) || []), fn]);
  noted?.push([event, fn]);
};
/**
 * Do some work; all that it listens to can be ended together.
 * @template T
 * @param {() => T} work
 * @returns {[result: T, end: () => void]}
 */
export function listening(work) {
  const mine = (noted = []);
  const result = work();
  noted = null;
  const end = () => {
    for (const [event, fn] of mine)
      listeners.set(
        event,
        listeners.get(event).filter((one) => one !== fn),
      );
  };
  return [result, end];
}
/**
 * @param {string} event
 * @param {unknown} [detail] what its listeners are called with
 */
export const emit = (event, detail) => (listeners.get(event) || []).forEach((fn) => fn(detail));
