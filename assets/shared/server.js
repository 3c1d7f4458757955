// Asking the server: a Python function of a panel, called by its name.
import { away, connected, flight, lose, onServer } from "./connection.js";
import { keep, kept } from "./storage.js";

/** What the server refused, in its own words for the visitor. */
export class Refusal extends Error {}

/** The server did not answer; what was asked for may or may not have happened there. */
export class NoAnswer extends Refusal {
  constructor(message = "The server did not answer; try again.") {
    super(message);
  }
}

const VISITOR = "glassbox.visitor";
const fresh = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
/** The visitor's own random name, by which the server knows what is theirs. */
export const visitor = kept(VISITOR) || fresh();
keep(VISITOR, visitor); // where storage is forbidden the visit lasts as long as the page

/**
 * The address of a file that the server may hand out.
 * @param {string} path where it lies there
 */
export const fileUrl = (path) => onServer(`/gradio_api/file=${path}`);

/** What changes something there is asked once: a second time it would happen twice. All else may be asked again. */
export const CHANGES =
  /^(begin|change|continue|delete|download|grow|keep|note|rename|save|start|steer)_|^draw_(batch|tokens)$/;
const TRIES = 3; // of a question that has no answer though the server is there

/** One question, as Gradio's own client puts it, which however tells no failure from an answer. */
export function post(panel, fn, args, options = {}) {
  const { id } = window.gradio_config.components.find(({ props }) => props.elem_id === `gb-${panel}`);
  const body = JSON.stringify({
    data: { visitor, ...args },
    component_id: id,
    fn_name: fn,
    session_hash: "glassbox",
  });
  const headers = { "Content-Type": "application/json" };
  return fetch(onServer("/gradio_api/component_server"), { method: "POST", headers, body, ...options });
}

/** @import { Answers } from "../answers.js" */

/**
 * Calls a Python function by its name, with its arguments by theirs.
 * @typedef {<Name extends keyof Answers>(fn: Name, args?: object) => Promise<Answers[Name]>} Ask
 */

/**
 * Ask as a panel: ask("read_head", { layer: 1 }). A question that only reads waits for the server, however long.
 * @param {string} panel
 * @returns {Ask} throws a Refusal for what the server refuses, NoAnswer where it is gone
 */
export function asker(panel) {
  return async (fn, args = {}) => {
    const once = CHANGES.test(fn);
    for (let tries = 1; ; tries += 1) {
      if (once && away()) throw new NoAnswer();
      await connected();
      let answer;
      try {
        const response = await post(panel, fn, args, { signal: flight() });
        answer = response.ok ? await response.json() : null;
      } catch {
        answer = null;
      }
      if (answer?.error) throw new Refusal(answer.error);
      if (answer) return answer;
      const back = lose();
      if (once) throw new NoAnswer();
      await back;
      if (tries === TRIES) throw new NoAnswer();
    }
  };
}

/** Gradio's upload, which returns nothing or throws when there is no answer. */
export const uploader = (upload) => async (file) => {
  const kept = await upload(file).catch(() => null);
  if (kept?.path) return kept;
  lose();
  throw new NoAnswer("The file did not reach the server; try again.");
};
