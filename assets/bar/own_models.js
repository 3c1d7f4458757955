// Models that are not in the menu yet: a person's own files, one in a folder of this computer that was never read,
// GPT-2 from the Hub. What a model's files leave unsaid is asked for under the menu.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { Refusal } from "../shared/server.js";

/** @import { Parts } from "../shared/panel.js" */
/** @import { KeepModel } from "../answers.js" */

const WEIGHTS = /\.(safetensors|pt|pth|bin|ckpt)$/i,
  BESIDE = /\.(json|txt|tiktoken|model)$/i, // a tokenizer, a config; the server says which it takes
  OF_A_TRAINING = /^(trainer|optimizer|scheduler|scaler|rng_state.*|training_args|trainer_state)\.\w+$/i,
  PICKLE = /\.(pt|pth|bin|ckpt)$/i,
  OWN_FOLDER = "own folder",
  OWN_FILES = "own files",
  FETCHED = "fetch ",
  POLL = 500; // milliseconds

/** Of all that a person chose, what a model may be made of. */
function belonging(files) {
  const here = files.filter((file) => file.webkitRelativePath.split("/").length <= 2 && !OF_A_TRAINING.test(file.name)),
    weights = here.filter((file) => WEIGHTS.test(file.name)),
    safe = weights.some((file) => /^model.*\.safetensors$/.test(file.name)); // the same weights, then, as the pickles
  return [
    ...weights.filter((file) => !safe || !PICKLE.test(file.name)),
    ...here.filter((file) => BESIDE.test(file.name)),
  ];
}

/** What to call it: its folder, or its file of weights. */
function nameOf(files) {
  const [folder, rest] = files[0].webkitRelativePath.split("/");
  return rest ? folder : (files.find((file) => WEIGHTS.test(file.name)) ?? files[0]).name.replace(/\.\w+$/, "");
}

/**
 * @typedef {object} Told
 * @property {(work: Promise<unknown>) => Promise<unknown>} safely says what is refused
 * @property {() => string} prompt what the visitor wrote; "" for an example
 * @property {(model: string, prompt: string) => Promise<void>} show points the page at a model that is now there
 */

/** @param {Pick<Parts, "ask" | "upload" | "find" | "notice"> & Told} parts */
export const ownModels = ({ ask, upload, find, notice, safely, prompt, show }) => {
  const box = find("[data-id=own-model]"),
    why = find("[data-id=own-why]"),
    form = find("[data-id=own-form]"),
    bar = find("[data-id=own-progress]");
  let most = 0, // bytes of a visitor's own model; none may come where this is 0
    offers = [],
    /** @type {(() => void) | null} */ cancel = null;

  /** What happens now, and how it is given up, if it can be; "" for nothing. */
  function say(text, giveUp = null, otherwise = "Cancel") {
    why.textContent = text;
    box.hidden = !text;
    cancel = giveUp;
    find("[data-id=own-cancel]").hidden = !cancel;
    find("[data-id=own-cancel]").textContent = otherwise;
  }

  /**
   * The rest of the menu.
   * @param {{ upload_bytes: number, offers: any[] }} answer
   */
  function options(answer) {
    most = answer.upload_bytes;
    offers = answer.offers;
    const groups = [];
    if (most)
      groups.push(
        el(
          "optgroup",
          { label: "A model of your own", data: { changes: "" } },
          el("option", { value: OWN_FOLDER }, "Its folder…"),
          el("option", { value: OWN_FILES }, "Its files…"),
        ),
      );
    if (offers.length)
      groups.push(
        el(
          "optgroup",
          { label: "To fetch", data: { changes: "" } },
          ...offers.map(({ name, title, bytes }) =>
            el("option", { value: FETCHED + name }, `${title}, from the Hub (${format.bytes(bytes)})`),
          ),
        ),
      );
    return groups;
  }

  /** Whether a value of the menu is one of ours; then it is done. */
  function chosen(value) {
    if (value === OWN_FOLDER) find("[data-id=own-folder]").click();
    else if (value === OWN_FILES) find("[data-id=own-files]").click();
    else if (value.startsWith(FETCHED)) safely(fetchModel(value.slice(FETCHED.length)));
    else return false;
    return true;
  }

  /** Take in files that were chosen. */
  async function bring(all) {
    const files = belonging(all);
    if (!files.some((file) => WEIGHTS.test(file.name) || /\.json$/i.test(file.name)))
      throw new Refusal("There are no weights among these files: .safetensors, .pt, .pth, .bin or .ckpt.");
    const size = files.reduce((sum, file) => sum + file.size, 0);
    if (size > most)
      throw new Refusal(
        `That model has ${format.bytes(size)}; the limit is ${format.bytes(most)}. Started with --allow-folder DIR, the page opens larger ones.`,
      );
    notice("");
    bar.hidden = false;
    const paths = [];
    let sent = 0,
      stopped = false;
    try {
      for (const file of files) {
        say(`Uploading ${nameOf(files)}…`, () => {
          stopped = true;
        });
        bar.value = sent / size;
        paths.push((await upload(file)).path);
        if (stopped) return;
        sent += file.size;
      }
      bar.hidden = true;
      await open("keep_model", { name: nameOf(files), paths });
    } finally {
      bar.hidden = true;
      say("");
    }
  }

  /** Read a model that lies in a folder of this computer. */
  const openLocal = (model) => safely(open("convert_model", { model }).finally(() => say("")));

  /**
   * Have a model opened, asking for what its files leave unsaid, and show it.
   * @param {"keep_model" | "convert_model"} name
   * @param {object} args
   */
  async function open(name, args) {
    const said = {};
    /** @type {KeepModel | null} */
    let last = null;
    for (;;) {
      say("Opening…");
      try {
        last = await ask(name, { ...args, ...said, prompt: prompt() });
      } catch (error) {
        if (!last) throw error;
        last = { ...last, why: error.message }; // what was said now is wrong
      }
      if (!last.needs) break;
      const value = await asked(last);
      if (value === null) return;
      said[last.needs] = value;
    }
    await show(last.model, last.prompt);
    notice(last.notes.join(" "), "info");
    if (last.guessed) await correct(last);
  }

  /** The activation was taken for granted; the visitor may know better. */
  async function correct({ model, prompt, guessed, choices }) {
    const why = `Its activation is taken to be ${guessed}. If it is another:`,
      value = await asked({ needs: "activation_function", why, choices, value: guessed }, "It is right");
    if (value === null || value === guessed) return;
    await ask("correct_model", { model, activation_function: value });
    await show(model, prompt);
    notice(`Its activation is ${value} now.`, "info");
  }

  /**
   * What the visitor says of a model, or null.
   * @param {{ needs: string, why: string, choices: string[], value?: string }} question
   */
  function asked({ needs, why, choices, value = "" }, otherwise = "Cancel") {
    form.hidden = false;
    form.querySelector("button").textContent = value ? "Change it" : "Open it";
    for (const field of form.querySelectorAll("[data-needs]")) field.hidden = field.dataset.needs !== needs;
    const field = form.querySelector(`[data-needs=${needs}] :is(input, select)`);
    if (needs === "activation_function")
      field.replaceChildren(
        ...choices.map((name) => el("option", { value: name, selected: name === value ? "" : null }, name)),
      );
    return new Promise((resolve) => {
      const end = (value) => {
        form.hidden = true;
        form.onsubmit = null;
        resolve(value);
      };
      say(why, () => end(null), otherwise);
      field.focus();
      form.onsubmit = (event) => {
        event.preventDefault();
        if (needs === "n_head") end(Number(field.value) || 0);
        else if (needs === "activation_function") end(field.value);
        else if (field.files.length)
          safely(Promise.all([...field.files].map(upload)).then((kept) => end(kept.map(({ path }) => path))));
      };
    });
  }

  /** Fetch a model and watch it come; it goes on when this page is left. */
  async function fetchModel(name) {
    const { title } = offers.find((offer) => offer.name === name);
    const giveUp = () => safely(ask("cancel_download", { name }));
    say(`${title}: asking the Hub…`, giveUp);
    bar.hidden = false;
    bar.removeAttribute("value");
    try {
      await ask("download_model", { name });
      for (;;) {
        const { state, done, total, why } = await ask("poll_download", { name });
        if (state === "failed") throw new Refusal(why);
        if (state === "cancelled") return;
        if (state === "done") break;
        if (done) bar.value = done / total;
        if (state === "opening") say(`${title} is here; opening it…`);
        else if (done) say(`${title}: ${format.bytes(done)} of ${format.bytes(total)}`, giveUp);
        await new Promise((resolve) => setTimeout(resolve, POLL));
      }
      await show(`hub:${name}`, prompt());
    } finally {
      bar.hidden = true;
      say("");
    }
  }

  /** Watch again what is on its way, when the page comes back. */
  function resume() {
    const underWay = offers.find((offer) => offer.fetching);
    if (underWay && box.hidden) safely(fetchModel(underWay.name));
  }

  for (const id of ["own-folder", "own-files"])
    find(`[data-id=${id}]`).addEventListener("change", (event) => {
      const files = [...event.target.files];
      event.target.value = "";
      if (files.length) safely(bring(files));
    });
  find("[data-id=own-cancel]").addEventListener("click", () => cancel?.());
  return { options, chosen, openLocal, resume };
};
