// A class in a room: every page listens on one line of the server's, and hears who it is (the speaker's page or a
// phone's), what it may do and what the speaker shows. Where there is no class there is no line.
import { onServer } from "./connection.js";
import { emit } from "./events.js";

/**
 * @typedef {object} Heard
 * @property {boolean} speaker whether this is the speaker's page
 * @property {string | null} only_looks why this page may change nothing, or null where it may
 * @property {boolean} may_change whether phones may train and write
 * @property {string} [address] where phones find the page; the speaker's page alone hears that
 * @property {number} [phones] how many there are
 * @property {string | null} [state] what the speaker shows, as it stands in an address; phones alone hear that
 * @property {number} [told] how often the speaker has told it
 */

const line = /** @type {HTMLMetaElement | null} */ (document.querySelector("meta[name=glassbox-class]"))?.content;
/** @type {Heard | null} */
let last = null;
let first; // resolves with what was heard first
const heard = new Promise((resolve) => {
  first = resolve;
});

/** What was heard last, or null. */
export const classroom = () => last;

/** Why this page may change nothing on the server, or null where it may. */
export async function onlyLooks() {
  if (line) await heard;
  return last?.only_looks ?? null;
}

/** Listen; "class" is emitted with all that is heard. */
export function listen() {
  const source = new EventSource(onServer(line));
  source.addEventListener("message", ({ data }) => {
    last = JSON.parse(data);
    first();
    document.body.classList.toggle("gb-looks", last.only_looks !== null);
    emit("class", last);
  });
  // The browser finds the line again by itself, unless the server refused it.
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}
