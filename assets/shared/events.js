// What panels tell one another: on("subject", hear), emit("subject", detail).

const listeners = new Map();
export const on = (event, fn) => listeners.set(event, [...(listeners.get(event) || []), fn]);
export const emit = (event, detail) => (listeners.get(event) || []).forEach((fn) => fn(detail));
