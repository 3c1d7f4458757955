// Whether the server answers. While it does not, one line says so for the whole page, and the page asks again
// after growing pauses: at once when the network is back or somebody looks at the page again.
import { el } from "./elements.js";
import { emit } from "./events.js";

const SILENT = "The server does not answer; trying again.",
  OLDER = "This page is older than its server; reload it.";
const PAUSES = [500, 1000, 2000, 4000, 8000], // milliseconds
  PATIENCE = 4000; // for an answer of one word
const about = /** @type {HTMLMetaElement} */ (document.querySelector("meta[name=glassbox-server]"));
const [ROUTE, process, code] = about.content.split(" ");

/** The address of something on the server, wherever a proxy has put that: "/file" is "/its/place/file". */
export const onServer = (path) =>
  new URL(window.gradio_config?.root || "/", location.href).pathname.replace(/\/$/, "") + path;

let here = process, // the process that answers
  healing = null, // a promise, while none does
  hurry = () => {},
  flights = new AbortController();

/** For questions under way: they end when the server is found to be gone, for nobody else would tell them. */
export const flight = () => flights.signal;

/** Resolves once the server answers: at once, as long as nobody found otherwise. */
export const connected = () => healing ?? Promise.resolve();

/** Whether the page waits for the server. */
export const away = () => healing !== null;

/** Somebody had no answer. Resolves once the server answers again. */
export function lose() {
  healing ??= heal().finally(() => {
    healing = null;
  });
  return healing;
}

async function heal() {
  let found = await probe(),
    lost = false;
  for (let tries = 0; !found; tries += 1) {
    if (!lost) {
      lost = true;
      say(SILENT);
      flights.abort();
      flights = new AbortController();
      emit("lost");
    }
    await pause(PAUSES[Math.min(tries, PAUSES.length - 1)]);
    found = await probe();
  }
  if (found.code !== code) {
    say(OLDER, el("button", { type: "button", class: "gb-link", onclick: () => location.reload() }, "Reload"));
    await new Promise(() => {}); // what this page would ask for may be something else there
  }
  say("");
  const restarted = found.process !== here;
  here = found.process;
  // Those who wait for the answer go first; then whatever else should look again.
  if (lost || restarted) setTimeout(() => emit("found", { restarted }));
}

/** What the server says of itself; null when it says nothing. */
async function probe() {
  try {
    const answer = await fetch(onServer(ROUTE), { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** @returns {Promise<void>} */
const pause = (ms) =>
  new Promise((done) => {
    const timer = setTimeout(done, ms);
    hurry = () => {
      clearTimeout(timer);
      done();
    };
  });

/** Says for some seconds why nothing goes on. */
export async function hold(text, seconds) {
  say(text);
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  if (!healing) say("");
}

let line = null;
/** One line for the whole page, above everything; nothing takes it away. */
function say(text, ...more) {
  if (!line) {
    line = el("p", { class: "gb-connection", role: "status", hidden: true });
    (document.querySelector(".gradio-container") ?? document.body).append(line); // where the colours are
  }
  line.replaceChildren(text, ...more);
  line.hidden = !text;
}

// After a sleep, or without the network for a while, a question may wait for an answer that never comes.
function look() {
  if (healing) return hurry();
  probe().then((found) => {
    if (!found || found.process !== here) lose();
  });
}
addEventListener("online", look);
addEventListener("offline", lose);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") look();
});
