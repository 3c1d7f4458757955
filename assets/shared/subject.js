// The subject on the table: one model, one moment of its training, one prompt. Every panel looks at it.
import { address } from "./address.js";
import { emit } from "./events.js";

/**
 * @typedef {object} Subject
 * @property {string | null} model a reference such as "shipped:shakespeare"; null before the bar has chosen one
 * @property {number | null} step that of a snapshot, or null for the newest
 * @property {string} prompt
 */

/** @type {Subject} */
export const subject = { model: null, step: null, prompt: "" };

/**
 * Point every panel at another model, moment or prompt. The bar does this; so may a panel.
 * @param {Partial<Subject>} changes
 * @param {{ turn?: boolean }} options `turn` where a person chose it (see address.set)
 */
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
