// Asking the server: a Python function of a panel, called by its name.

/** What the server refused, in its own words for the visitor. */
export class Refusal extends Error {}

const keep = (key, make) => {
  try {
    const kept = localStorage.getItem(key) || make();
    localStorage.setItem(key, kept);
    return kept;
  } catch {
    return make();
  } // storage can be forbidden; the visit then lasts as long as the page
};
/** The visitor's own random name, by which the server knows what is theirs. */
export const visitor = keep("glassbox.visitor", () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join(""),
);

/**
 * The address of a file that the server may hand out.
 * @param {string} path where it lies there
 */
export const fileUrl = (path) => `${window.gradio_config?.root || ""}/gradio_api/file=${path}`;

/** @import { Answers } from "../answers.js" */

/**
 * Calls a Python function by its name, with its arguments by theirs.
 * @typedef {<Name extends keyof Answers>(fn: Name, args?: object) => Promise<Answers[Name]>} Ask
 */

/**
 * @param {Record<string, (args: object) => Promise<any>>} server the functions as Gradio hands them out
 * @returns {Ask} throws a Refusal for what the server refuses, or when it is gone
 */
export function asker(server) {
  return async (fn, args = {}) => {
    let answer;
    try {
      answer = await server[fn]({ visitor, ...args });
    } catch (error) {
      throw new Refusal("The server does not answer. Is it still running?", { cause: error });
    }
    if (answer?.error) throw new Refusal(answer.error);
    return answer;
  };
}
