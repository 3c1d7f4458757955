// A vocabulary on its way from the Tokenizer tab to the Train form, which may not be on the page yet.
import { emit } from "./events.js";

/** @typedef {{ tokenizer: string, corpus: string }} Handed the vocabulary, and the text that it learnt from, by name */

/** @type {Handed | null} */
let waiting = null;

/** @param {Handed} vocabulary */
export function handOver(vocabulary) {
  waiting = vocabulary;
  emit("train with");
}

/** Take what waits, once; null where nothing does. */
export function takeOver() {
  const taken = waiting;
  waiting = null;
  return taken;
}
