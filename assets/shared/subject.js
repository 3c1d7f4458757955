// The subject on the table: one model, one moment of its training, one prompt. Every panel looks at it.
import { address } from "./address.js";
import { emit } from "./events.js";

// model: a reference such as "shipped:shakespeare"; step: a snapshot's step, or null for the newest.
export const subject = { model: null, step: null, prompt: "" };

/** Point every panel at another model, moment or prompt; `turn` where a person chose it (see address.set). */
export function look(changes, { turn = false } = {}) {
  const before = JSON.stringify(subject);
  Object.assign(subject, changes);
  if (JSON.stringify(subject) === before) return;
  address.set({ model: subject.model, step: subject.step, prompt: subject.prompt }, { turn });
  emit("subject", subject);
  emit("stale");
}

/** The same subject shows something new (its newest snapshot moved on): draw it again. */
export const renew = () => emit("stale");
