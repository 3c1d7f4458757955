// Panels: the parts of the page. They never know each other; they know the subject, and how to ask.
//
// A panel is a module that calls
//   panel("name", ({ root, ask, upload, notice, say, count, find, all }) => ({ refresh(subject), theme(), resize() }))
// `refresh` runs when the panel is visible and the subject has changed since it last ran; `theme` and
// `resize` redraw. All three are optional. `ask(fn, args)` calls a Python function of the panel; `say(text)` writes
// what is looked at into the line beneath the picture (caption.js). A notice goes after a while; one that came with a
// picture stays as long as that picture.
import { captionOf } from "./caption.js";
import { classroom } from "./classroom.js";
import { dark } from "./colour.js";
import { away } from "./connection.js";
import { el } from "./elements.js";
import { emit, listening, on } from "./events.js";
import { format } from "./format.js";
import { frozen } from "./presenting.js";
import { asker, NoAnswer, Refusal, upload } from "./server.js";
import { subject } from "./subject.js";

/** @import { Ask } from "./server.js" */
/** @import { Subject } from "./subject.js" */

/**
 * What a panel is given.
 * @typedef {object} Parts
 * @property {HTMLElement} root its element on the page
 * @property {Ask} ask calls a Python function of the panel
 * @property {(file: File) => Promise<any>} upload
 * @property {(text: string, kind?: "warning" | "info") => void} notice the line above the panel; "" takes it away
 * @property {(text?: string) => void} say writes what is looked at beneath the picture; "" brings the lead back
 * @property {(text?: string) => void} count writes how far the view has come in a room; "" brings the moment back
 * @property {(selector: string) => any} find an element in it, of the kind its markup says
 * @property {(selector: string) => any[]} all
 */

/**
 * What it gives back, all optional.
 * @typedef {object} Panel
 * @property {(subject: Subject) => unknown} [refresh] runs when it is visible and the subject has changed since it last ran
 * @property {() => void} [theme] draws it again in other colours
 * @property {() => void} [resize] draws it again at another size
 */

const makers = new Map(); // name -> function that brings it to life
const mounted = new Set(); // what is on the page
let version = 0; // counts what the subject has shown
const NOTICE = 10_000; // milliseconds that a notice stays

/**
 * @param {string} name as in Python
 * @param {(parts: Parts) => Panel | void} make brings it to life once it is on the page
 */
export const panel = (name, make) => makers.set(name, make);

const seen = (part) => part.root.isConnected && part.root.offsetParent !== null;

async function refresh(part) {
  if (frozen() || !part.panel.refresh || subject.model === null || part.version === version || !seen(part)) return;
  part.version = version;
  part.drawing += 1;
  try {
    part.root.setAttribute("aria-busy", "true");
    part.notice("");
    await part.panel.refresh({ ...subject });
    part.drawn = true;
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error);
    if (error instanceof NoAnswer) part.version = -1; // tried again when the server is found
    if (away()) return; // one line says so for the whole page
    part.notice(
      error instanceof Refusal ? error.message : "This picture could not be drawn. Reload the page to try again.",
    );
  } finally {
    part.drawing -= 1;
    part.root.removeAttribute("aria-busy");
  }
}
const refreshAll = () => mounted.forEach(refresh);
/** Draw again all that is seen, at once: for another size or resolution. */
export const redraw = () =>
  mounted.forEach((part) => seen(part) && (part.drawn || !part.panel.refresh) && part.panel.resize?.());

/** Have every view begin again from what the address says: at once where it is seen, else when it is. */
export function beginAgain() {
  for (const part of [...mounted]) {
    if (!part.root.closest(".gb-view")) continue;
    if (seen(part)) part.restart();
    else part.outdated = true;
  }
}

on("stale", () => {
  version += 1;
  refreshAll();
});
on("freeze", (onOff) => {
  if (!onOff) refreshAll();
});
on("found", refreshAll);
on("room", () => requestAnimationFrame(redraw));

/**
 * Bring the panel that Gradio has put on the page to life.
 * @param {string} name
 * @param {HTMLElement} element
 * @param {string[]} [changing] the functions of the panel's that change something there
 */
export function mount(name, element, changing) {
  const root = element.querySelector(".gb-panel") || element,
    untouched = root.cloneNode(true);
  const bar = el("p", { class: "gb-notice", role: "status", hidden: true });
  root.prepend(bar);
  for (const field of root.querySelectorAll("textarea, input[type=text]")) field.setAttribute("dir", "auto"); // as its text reads
  // In a class, what changes something is out of sight of those who only look, and one line says why.
  root
    .querySelector("[data-changes]")
    ?.before(el("p", { class: "gb-only-looks gb-small" }, classroom()?.only_looks ?? ""));
  let end = null;
  const notice = (text, kind = "warning") => {
    clearTimeout(end);
    bar.textContent = text;
    bar.dataset.kind = kind;
    bar.hidden = !text;
    if (!text) return;
    for (const other of mounted) if (other !== part && other.said() === text) other.notice(""); // once is enough
    if (!part.drawing) end = setTimeout(() => notice(""), NOTICE);
  };
  root.addEventListener("paste", (event) => {
    const { value, selectionStart, selectionEnd, maxLength } = /** @type {HTMLTextAreaElement} */ (event.target),
      pasted = /** @type {ClipboardEvent} */ (event).clipboardData.getData("text");
    if (maxLength > 0 && value.length - (selectionEnd - selectionStart) + pasted.length > maxLength)
      notice(`${format.whole(maxLength)} characters have room here; the rest of what you pasted is left out.`, "info");
  });
  const part = {
    name,
    root,
    notice,
    said: () => bar.textContent,
    version: -1,
    drawing: 0,
    drawn: false,
    outdated: false, // it says what the address said before
    restart() {
      endListening();
      resized.disconnect();
      mounted.delete(part);
      root.replaceWith(untouched);
      mount(name, element, changing);
    },
    /** @type {Panel} */ panel: {},
  };
  const ask = asker(name, changing);
  const [made, endListening] = listening(() =>
    makers.get(name)({
      root,
      ask,
      upload,
      notice,
      ...captionOf(root),
      find: (s) => root.querySelector(s),
      all: (s) => [...root.querySelectorAll(s)],
    }),
  );
  part.panel = made || {};
  mounted.add(part);
  const rail = root.querySelector(".gb-rail");
  if (rail) {
    // below 900 px the rail is a drawer, and this is its handle
    const handle = el(
      "button",
      {
        type: "button",
        class: "gb-button gb-drawer",
        "aria-expanded": "false",
        onclick: () => {
          const open = rail.classList.toggle("gb-open");
          handle.setAttribute("aria-expanded", String(open));
          handle.textContent = open ? "Close" : "Settings";
        },
      },
      "Settings",
    );
    root.append(handle);
  }
  let size = "";
  const resized = new ResizeObserver(() => {
    // also how a panel learns that its tab was opened
    const now = `${root.clientWidth} x ${root.clientHeight}`;
    if (now === size) return;
    size = now;
    if (!root.clientWidth) return;
    if (part.outdated) return part.restart();
    // What stands there fits first: a view may have nothing new to draw. The first picture is drawn to size by itself.
    if (!part.panel.refresh || part.drawn) part.panel.resize?.();
    refresh(part);
  });
  resized.observe(root);
  refresh(part);
}

new MutationObserver(() => {
  if (document.body.dataset.gbDark === String(dark())) return;
  document.body.dataset.gbDark = String(dark());
  mounted.forEach((part) => part.panel.theme?.());
  emit("theme");
}).observe(document.body, { attributes: true, attributeFilter: ["class"] });
