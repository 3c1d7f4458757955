// A vocabulary on its way from the Tokenizer tab to the Train form, which may not be on the page yet.
import { emit } from "./events.js";

let waiting = null; // { tokenizer, corpus }

/** Hand over a vocabulary and the text that it learnt from. */
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
