// What panels tell one another: on("subject", hear), emit("subject", detail).

/** @type {Map<string, ((detail?: any) => void)[]>} */
const listeners = new Map();
/**
 * @param {string} event
 * @param {(detail?: any) => void} fn
 */
export const on = (event, fn) => listeners.set(event, [...(listeners.get(event) || []), fn]);
/**
 * @param {string} event
 * @param {unknown} [detail] what its listeners are called with
 */
export const emit = (event, detail) => (listeners.get(event) || []).forEach((fn) => fn(detail));
