// The tokenizers that all views of this tab choose from: the model's, those at hand, and the visitor's own.
// The chosen one is the same in every view, and in the address.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { Refusal } from "../shared/server.js";

/** @import { Parts } from "../shared/panel.js" */
/** @import { Ask } from "../shared/server.js" */

const MAX_FILE = 24_000_000;
const PATTERNS = { gpt2: "GPT-2", cl100k: "cl100k (GPT-4)", o200k: "o200k (GPT-4o)" };
let groups = [],
  patterns = [],
  chosen = address.get("tok", "model"),
  loading = null;

const all = () => groups.flatMap((group) => group.tokenizers);
const nameOf = (ref) => all().find((entry) => entry.ref === ref)?.name ?? ref.replace(/^mine:/, "");

/**
 * Ask what there is; once a page, and again after something was added.
 * @param {Ask} ask
 */
function load(ask, again = false) {
  if (!loading || again) {
    loading = ask("list_tokenizers").then((answer) => {
      ({ groups, patterns } = answer);
      if (!all().some((entry) => entry.ref === chosen)) choose("model");
      emit("shelf");
    });
  }
  return loading;
}

function choose(ref) {
  if (ref === chosen) return;
  chosen = ref;
  address.set({ tok: ref === "model" ? null : ref });
  emit("tokenizer", ref);
}

const options = () =>
  groups
    .filter((group) => group.tokenizers.length)
    .flatMap(({ title, tokenizers }) => {
      const made = tokenizers.map((entry) => el("option", { value: entry.ref }, entry.name));
      return title ? [el("optgroup", { label: title }, ...made)] : made;
    });

/**
 * Send a vocabulary file.
 * @param {Pick<Parts, "ask" | "upload">} parts
 * @param {File} file
 * @param {string} pattern how a .tiktoken file's text is cut, which the file does not say
 */
async function add({ ask, upload }, file, pattern) {
  if (file.size > MAX_FILE) {
    throw new Refusal(
      `“${file.name}” has ${format.bytes(file.size)}; a vocabulary may have ${format.bytes(MAX_FILE)}.`,
    );
  }
  const { path } = await upload(file);
  const { ref } = await ask("keep_tokenizer", { path, pattern });
  await load(ask, true);
  emit("tokenizers");
  return ref;
}

/**
 * Build the menu in `box`, or without a menu only the way to add a file. `change` is called when another
 * tokenizer is chosen while the view is seen; a view that was hidden calls `settle` when it is shown, and
 * learns whether it has to draw anew.
 */
function attach(box, { root, ask, upload, notice }, change, { menu = true } = {}) {
  const select = el("select", { "aria-label": "Tokenizer" });
  const file = el("input", {
    type: "file",
    accept: ".json,.tiktoken,application/json",
    hidden: true,
    "aria-label": "A vocabulary file",
  });
  const pattern = el("select");
  const cut = el(
    "div",
    { class: "gb-group", hidden: true },
    el("label", { class: "gb-field" }, el("span", {}, "This file does not say how text is cut. As in"), pattern),
    el("button", { type: "button", class: "gb-button", onclick: () => send(waiting, pattern.value) }, "Add"),
  );
  const browse = el(
    "button",
    { type: "button", class: "gb-button", onclick: () => file.click() },
    "Add a vocabulary file",
  );
  box.append(menu ? el("label", { class: "gb-field" }, el("span", {}, "Tokenizer"), select) : browse, file, cut);
  let waiting = null,
    drawn = null;

  function follow() {
    select.replaceChildren(...options(), el("option", { value: "file" }, "A vocabulary file…"));
    select.value = chosen;
    pattern.replaceChildren(...patterns.map((name) => el("option", { value: name }, PATTERNS[name] ?? name)));
  }
  async function send(given, cutAs) {
    cut.hidden = true;
    try {
      notice("Reading the file…", "info");
      const ref = await add({ ask, upload }, given, cutAs);
      notice("");
      if (ref === chosen)
        emit("tokenizer", ref); // another file of the same name
      else choose(ref);
    } catch (error) {
      notice(error.message);
    }
  }
  select.addEventListener("change", () => {
    if (select.value !== "file") return choose(select.value);
    select.value = chosen;
    file.click();
  });
  file.addEventListener("change", () => {
    [waiting] = file.files;
    file.value = "";
    if (!waiting) return;
    if (waiting.name.endsWith(".json")) send(waiting, "gpt2");
    else cut.hidden = false;
  });
  on("shelf", follow);
  on("found", ({ restarted }) => restarted && load(ask, true).catch((error) => notice(error.message)));
  on("tokenizer", () => {
    follow();
    if (root.offsetParent) {
      drawn = chosen;
      change();
    }
  });
  follow();
  load(ask).catch((error) => notice(error.message));
  return {
    settle() {
      const stale = drawn !== chosen;
      drawn = chosen;
      return stale;
    },
  };
}

/** A box that shows white space as marks, or not: the same in every view, and in the address. */
function blanks(box, show) {
  box.addEventListener("change", () => {
    address.set({ blanks: box.checked ? null : "off" });
    emit("blanks", box.checked);
  });
  const follow = (marks) => {
    box.checked = marks;
    show(marks);
  };
  on("blanks", follow);
  follow(address.get("blanks") !== "off");
}

/**
 * Save a tokenizer as a file.
 * @param {Ask} ask
 * @param {object} request says which tokenizer
 * @param {"glassbox" | "tiktoken" | "hugging_face"} form
 */
async function download(ask, request, form) {
  const { name, text } = await ask("export_tokenizer", { ...request, format: form });
  const link = el("a", {
    href: URL.createObjectURL(new Blob([text], { type: "application/octet-stream" })),
    download: name,
  });
  link.click();
  URL.revokeObjectURL(link.href);
}

export const shelf = { attach, load, choose, nameOf, blanks, download, groups: () => groups, chosen: () => chosen };
