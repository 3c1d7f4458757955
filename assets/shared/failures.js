// What goes wrong, in a panel's line: a refusal is a sentence for the visitor; anything else is the console's too.
import { Refusal } from "./server.js";

/** @param {(text: string) => void} notice */
export const failures = (notice) => {
  const fail = (error) => {
    if (!(error instanceof Refusal)) console.error(error);
    notice(error.message);
  };
  /** @type {(work: (...args: any[]) => unknown) => (...args: any[]) => Promise<void>} */
  const guarded =
    (work) =>
    async (...args) => {
      try {
        await work(...args);
      } catch (error) {
        fail(error);
      }
    };
  return { fail, guarded };
};
