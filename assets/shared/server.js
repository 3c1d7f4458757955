// Asking the server: a Python function of a panel, called by its name.
import { onlyLooks } from "./classroom.js";
import { away, connected, flight, hold, lose, onServer } from "./connection.js";
import { chosenDevice } from "./device.js";
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
const TOKEN = /^[0-9a-f]{64}$/;
/** @type {HTMLMetaElement} */ const word = document.querySelector("meta[name=glassbox-page]"); // that this is its page
let visitor = kept(VISITOR), // a secret the server gave: who has it is this visitor
  naming = null; // a promise, while none is at hand
if (!TOKEN.test(visitor)) visitor = null;

/** Once the server has given this visitor a token. Where storage is forbidden the visit lasts as long as the page. */
function known() {
  if (visitor) return Promise.resolve();
  naming ??= named().finally(() => {
    naming = null;
  });
  return naming;
}

async function named() {
  const told = await send("/visitor");
  const { visitor: fresh, error } = await told.json();
  if (!fresh) throw new Turned(told, error);
  const other = kept(VISITOR); // another tab may have been quicker
  visitor = TOKEN.test(other) && other !== refused ? other : fresh;
  keep(VISITOR, visitor);
}

let refused = null; // a token that the server does not know

/** A request that the server turned away before it looked at it, so that it may be sent again. */
class Turned extends Error {
  constructor(response, said) {
    super(said);
    this.status = response.status;
    this.seconds = Number(response.headers.get("Retry-After"));
  }
}

/** @param {string} route @param {RequestInit & { headers?: Record<string, string> }} options */
function send(route, { headers, ...options } = {}) {
  const told = { "X-Glassbox-Page": word.content, ...headers };
  return fetch(onServer(route), { method: "POST", headers: told, ...options });
}

const TRIES = 3; // of a question that has no answer though the server is there

/** One question, as Gradio's own client puts it, which however tells no failure from an answer. */
export function post(panel, fn, args, options = {}) {
  const { id } = window.gradio_config.components.find(({ props }) => props.elem_id === `gb-${panel}`);
  const device = chosenDevice();
  const body = JSON.stringify({
    data: { visitor, ...(device ? { device } : {}), ...args },
    component_id: id,
    fn_name: fn,
    session_hash: "glassbox",
  });
  return send("/gradio_api/component_server", { headers: { "Content-Type": "application/json" }, body, ...options });
}

/**
 * What the server answers to something sent, which is sent again where it said to come back later.
 * @param {() => Promise<Response>} ask
 * @returns {Promise<any>} null where there is no answer; throws a Refusal for what it turned away for good
 */
async function answered(ask) {
  for (let tries = 1; ; tries += 1) {
    let asked = visitor;
    try {
      await known();
      asked = visitor;
      const response = await ask();
      const told = await response.json();
      if (response.ok) return told;
      if (!told.error) return null; // not the server's own words
      throw new Turned(response, told.error);
    } catch (error) {
      if (!(error instanceof Turned)) return null;
      if (tries > TRIES || !(error.status === 401 || error.status === 429)) throw new Refusal(error.message);
      if (error.status === 429) await hold(error.message, error.seconds);
      else if (visitor === asked) {
        refused = asked;
        visitor = null;
      }
    }
  }
}

/** @import { Answers } from "../answers.js" */

/**
 * Calls a Python function by its name, with its arguments by theirs.
 * @typedef {<Name extends keyof Answers>(fn: Name, args?: object) => Promise<Answers[Name]>} Ask
 */

/**
 * Ask as a panel: ask("read_head", { layer: 1 }). A question that only reads waits for the server, however long.
 * @param {string} panel
 * @param {string[]} [changing] what changes something there is asked once: a second time it would happen twice
 * @returns {Ask} throws a Refusal for what the server refuses, NoAnswer where it is gone
 */
export function asker(panel, changing = []) {
  return async (fn, args = {}) => {
    const once = changing.includes(fn);
    const refused = once && (await onlyLooks());
    if (refused) throw new Refusal(refused);
    for (let tries = 1; ; tries += 1) {
      if (once && away()) throw new NoAnswer();
      await connected();
      const answer = await answered(() => post(panel, fn, args, { signal: flight() }));
      if (answer?.error) throw new Refusal(answer.error);
      if (answer) return answer;
      const back = lose();
      if (once) throw new NoAnswer();
      await back;
      if (tries === TRIES) throw new NoAnswer();
    }
  };
}

/**
 * Send a file.
 * @param {File} file
 * @returns {Promise<{ path: string }>} what it is called there; throws a Refusal, or NoAnswer
 */
export async function upload(file) {
  const headers = { "Content-Type": "application/octet-stream", "X-Glassbox-File": encodeURIComponent(file.name) };
  const kept = await answered(() =>
    send("/files", { headers: { ...headers, "X-Glassbox-Visitor": visitor }, body: file }),
  );
  if (kept) return kept;
  lose();
  throw new NoAnswer("The file did not reach the server; try again.");
}
