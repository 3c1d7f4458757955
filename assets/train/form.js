// The form of the Train tab: its fields, presets, texts of the visitor's own, and what the plan tells.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { takeOver } from "../shared/handed_vocabulary.js";
import { latest } from "../shared/latest.js";
import { Refusal } from "../shared/server.js";
import { drawFields, field, wordsOf } from "../shared/setting_fields.js";
import { ownText } from "./own_text.js";
import { drawPlan, refusePlan } from "./plan.js";
import { drawSchedule } from "./schedule.js";

/** @import { Parts } from "../shared/panel.js" */

const MINE = "mine:";
const LOCAL = "local:"; // a text in a folder of the server's computer, which is taken in when it is chosen
const NEW = "new"; // begins with no model

/**
 * @typedef {object} Told
 * @property {(work: (...args: any[]) => unknown) => (...args: any[]) => Promise<void>} guarded says what the server refuses
 * @property {() => void} changed a person changed something
 * @property {() => void} planned the plan is there, or refused
 */

/** @param {Pick<Parts, "find" | "all" | "ask" | "upload" | "notice"> & Told} parts */
export const trainForm = ({ find, all, ask, upload, notice, guarded, changed, planned }) => {
  const menu = (name) => field(find(`[data-name=${name}]`), { label: find(`[data-name=${name}]`).ariaLabel });
  // Those of the settings follow.
  const fields = { corpus: menu("corpus"), origin: menu("origin"), tokenizer: menu("tokenizer") };
  const preset = find("[data-id=preset]");
  let choices = null,
    wanted = "",
    plan = null,
    forecasting = null;

  const self = {
    /** Whether a run is in training: then nothing is measured. */
    busy: false,
    /** What the server knows: limits, presets, corpora, the visitor's runs. */
    get choices() {
      return choices;
    },
    /** The newest plan; null while there is none. */
    get plan() {
      return plan;
    },
    get ready() {
      return plan !== null;
    },
    /** @returns {Record<string, any>} the settings by their names in llm.config, and the text */
    settings() {
      const values = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value]));
      return { ...values, corpus: chosenText(), origin: values.origin === NEW ? "" : values.origin };
    },
    /** Fill in some settings by name. */
    set(settings) {
      for (const [name, value] of Object.entries(settings)) {
        if (fields[name] && value !== undefined) fields[name].value = name === "origin" ? value || NEW : value;
      }
      // A text that is not here any more cannot be chosen.
      if (!fields.corpus.value) fields.corpus.value = wanted || choices.corpora[0].name;
      wanted = chosenText();
      if (!fields.origin.value) fields.origin.value = NEW; // a model that is gone
      if (!fields.tokenizer.value) fields.tokenizer.value = whole(chosen()).tokenizer;
      show();
    },
    /** Fill in all settings of a run, which need not be those of any preset. */
    own(settings) {
      preset.value = "";
      address.set({ preset: null, set: null });
      self.set(settings);
      return replan();
    },
    /** A setting's value in words. */
    wordsOf(name, value) {
      if (name === "corpus") return choices.corpora.find((c) => c.name === value)?.title ?? String(value);
      if (name === "origin") return choices.origins.find(({ ref }) => ref === value)?.title ?? (value || "noise");
      if (name === "tokenizer") return choices.tokenizer_kinds[value]?.title ?? value.replace(MINE, "");
      if (typeof value === "boolean") return value ? "on" : "off";
      return typeof value === "number" ? format.number(value) : wordsOf(value);
    },
    label: (name) => fields[name].label,
    /** Whether one may choose the size of such a tokenizer's vocabulary. */
    isSized: (tokenizer) => Boolean(choices.tokenizer_kinds[tokenizer]?.sized),
    /** Whether the menus have the text and the tokenizer of some settings. */
    has: ({ corpus, tokenizer, origin }) =>
      choices.corpora.some((c) => c.name === corpus) &&
      (origin ? choices.origins.some(({ ref }) => ref === origin) : tokenizers().includes(tokenizer)),
    fill,
    replan,
    takeVocabulary,
  };

  /** Until a text is pasted, the one before it counts. */
  const chosenText = () => (fields.corpus.value === "paste" ? wanted : fields.corpus.value);

  async function fill({ keep = null } = {}) {
    const kept = { corpus: keep ?? chosenText(), tokenizer: fields.tokenizer.value, origin: fields.origin.value };
    choices = await ask("list_choices");
    const option = (value, title) => el("option", { value }, title);
    const inGroup = (group) => choices.corpora.filter((c) => c.group === group).map((c) => option(c.name, c.title));
    const groups = ["Texts", "Tasks", "Yours"].filter((group) => inGroup(group).length);
    const local = choices.local_texts.map(({ key, title, bytes }) =>
      option(LOCAL + key, `${title} · ${format.bytes(bytes)}`),
    );
    fields.corpus.node.replaceChildren(
      ...groups.map((label) => el("optgroup", { label }, ...inGroup(label))),
      ...(local.length ? [el("optgroup", { label: "This computer" }, ...local)] : []),
      option("file", "A file of yours…"),
      option("paste", "Paste a text…"),
    );
    const models = (group) => choices.origins.filter((model) => model.group === group);
    const modelGroups = [...new Set(choices.origins.map(({ group }) => group))];
    fields.origin.node.replaceChildren(
      option(NEW, "A new model, all noise"),
      ...modelGroups.map((label) =>
        el("optgroup", { label }, ...models(label).map(({ ref, title }) => option(ref, title))),
      ),
    );
    const vocabularies = choices.vocabularies.map(({ name, title, size }) =>
      option(name, `${title} · ${format.whole(size)} tokens`),
    );
    fields.tokenizer.node.replaceChildren(
      ...Object.entries(choices.tokenizer_kinds).map(([kind, { title }]) => option(kind, title)),
      ...(vocabularies.length ? [el("optgroup", { label: "Yours, from the Tokenizer tab" }, ...vocabularies)] : []),
    );
    if (!preset.options.length) {
      const drawn = drawFields(find(".gb-rail"), choices.settings);
      for (const { node } of Object.values(drawn)) node.addEventListener("input", edited);
      Object.assign(fields, drawn);
      preset.append(el("option", { value: "", hidden: true }, "Settings of your own"));
      preset.append(...choices.presets.map((p) => option(p.name, p.title)));
      recall();
    } else self.set(kept);
  }
  const tokenizers = () => [...Object.keys(choices.tokenizer_kinds), ...choices.vocabularies.map(({ name }) => name)];

  function whole({ settings }) {
    // what a preset doesn't name has its default
    const values = Object.fromEntries(Object.entries(choices.settings).map(([name, known]) => [name, known.default]));
    return { ...values, origin: "", tokenizer: "character", corpus: choices.corpora[0].name, ...settings };
  }

  // The address holds the preset and what differs from it. Names that people gave may have commas in them.
  function remember() {
    const from = whole(chosen()),
      now = self.settings(),
      differing = Object.keys(from).filter((name) => name in now && now[name] !== from[name]);
    const written = (name) => `${name}:${String(now[name]).replace(/[%,]/g, encodeURIComponent)}`;
    address.set({ preset: preset.value, set: differing.map(written).join(",") });
  }
  function recall() {
    const known = choices.presets.some((p) => p.name === address.get("preset"));
    preset.value = known ? address.get("preset") : address.get("set") ? "" : choices.presets[0].name;
    const values = whole(chosen());
    for (const pair of (address.get("set") ?? "").split(",").filter(Boolean)) {
      const [name, ...rest] = pair.split(":"),
        text = rest.join(":").replace(/%2C|%25/g, decodeURIComponent);
      if (typeof values[name] === "number") values[name] = Number(text);
      else if (typeof values[name] === "boolean") values[name] = text === "true";
      else if (name in values) values[name] = text;
    }
    self.set(values);
  }
  const chosen = () => choices.presets.find((p) => p.name === preset.value) ?? choices.presets[0];

  function show() {
    // the sliders' values, and what was chosen
    for (const drawn of Object.values(fields)) drawn.tell();
    const corpus = choices.corpora.find((c) => c.name === fields.corpus.value),
      download = find("[data-id=download]");
    find("[data-id=paste-field]").hidden = fields.corpus.value !== "paste";
    find("[data-id=about-corpus]").textContent = corpus ? `${corpus.description} ${format.bytes(corpus.bytes)}.` : "";
    find("[data-id=about-preset]").textContent = preset.value ? chosen().about : "";
    const mine = choices.vocabularies.find((v) => v.name === fields.tokenizer.value);
    find("[data-id=about-tokenizer]").textContent = mine
      ? `Your vocabulary of ${format.whole(mine.size)} tokens, from the Tokenizer tab.`
      : "";
    download.hidden = !corpus || corpus.here;
    download.textContent = corpus ? `Download (${format.bytes(corpus.bytes)})` : "";
    find("[data-for=matrix_learning_rate]").hidden = fields.optimizer.value !== "muon";
    const begins = fields.origin.value !== NEW;
    for (const name of choices.kept) for (const part of all(`[data-for=${name}]`)) part.hidden = begins;
    if (!self.isSized(fields.tokenizer.value)) find("[data-for=vocab_size]").hidden = true;
    find("[data-id=about-origin]").textContent = begins
      ? "It keeps its shape and its tokenizer; the run is listed as its child."
      : "";
  }

  // ---- the plan -----------------------------------------------------------------------------------

  const askForPlan = latest(async () => {
    try {
      plan = await ask("plan_run", self.settings());
      notice("");
      drawSchedule(find, plan.schedule);
      drawPlan(find, plan);
      foresee();
    } catch (error) {
      plan = null;
      clearTimeout(forecasting);
      const missing = choices.corpora.some((c) => c.name === chosenText() && !c.here);
      if (!(error instanceof Refusal)) console.error(error);
      if (!missing) notice(error.message);
      refusePlan(find, missing ? "" : error.message);
    }
    planned();
  });
  function replan() {
    plan = null;
    return askForPlan();
  }

  // The measurement takes about a second, so it waits until the form stands still; while a run trains it would
  // only disturb, and be disturbed.
  function foresee() {
    clearTimeout(forecasting);
    const line = find("[data-id=forecast]");
    if (self.busy) {
      line.textContent = "";
      return;
    }
    line.textContent = "Measuring how long it takes here…";
    forecasting = setTimeout(measured, 700);
  }
  const measured = latest(async () => {
    const settings = JSON.stringify(self.settings());
    if (self.busy) {
      find("[data-id=forecast]").textContent = "";
      return;
    }
    try {
      const { seconds, measured: exact, busy } = await ask("forecast_run", self.settings());
      if (settings !== JSON.stringify(self.settings())) return;
      const how = busy ? "which trains another run now" : exact ? "measured just now" : "from the arithmetic it takes";
      const about = exact ? "About" : "Roughly";
      find("[data-id=forecast]").textContent = `${about} ${format.seconds(seconds)} on this computer, ${how}.`;
    } catch {
      find("[data-id=forecast]").textContent = "";
    }
  });

  // ---- what a person does -------------------------------------------------------------------------

  function edited() {
    show();
    emit("recipe");
    remember();
    changed();
    replan();
  }
  fields.tokenizer.node.addEventListener("input", edited);
  fields.origin.node.addEventListener("input", () => {
    const rate = fields.origin.value === NEW ? whole(chosen()).learning_rate : choices.gentle;
    self.set({ learning_rate: rate });
    edited();
  });
  preset.addEventListener("input", () => {
    self.set(whole(chosen()));
    edited();
  });
  fields.corpus.node.addEventListener("input", () => {
    const value = fields.corpus.value;
    own.forget();
    if (value === "file") {
      fields.corpus.value = wanted;
      return find("[data-id=file]").click();
    }
    if (value.startsWith(LOCAL)) {
      fields.corpus.value = wanted;
      return own.takeLocal(value.slice(LOCAL.length));
    }
    show();
    if (value === "paste") return find("[data-id=paste]").focus();
    wanted = value;
    notice("");
    // A task is spelt in characters; other tokenizers would hide what it asks.
    if (value.startsWith("task:")) fields.tokenizer.value = "character";
    edited();
  });

  async function learnFrom(name) {
    await fill({ keep: name });
    edited();
  }
  /** Use the vocabulary that the Tokenizer tab hands over, on the text that it learnt from; tells whether there was one. */
  async function takeVocabulary() {
    const given = choices && takeOver();
    if (!given) return false;
    await fill();
    self.set({ origin: "", ...(self.has({ origin: "", ...given }) ? given : { tokenizer: given.tokenizer }) });
    edited();
    return true;
  }
  on("train with", guarded(takeVocabulary));
  on(
    "tokenizers",
    guarded(async () => {
      if (choices) await fill();
    }),
  );

  const own = ownText({ find, ask, upload, guarded, learnFrom, most: () => choices.upload_bytes });
  find("[data-id=download]").addEventListener(
    "click",
    guarded(async (event) => {
      const button = event.currentTarget;
      button.disabled = true;
      button.textContent = "Downloading…";
      try {
        await ask("download_corpus", { corpus: fields.corpus.value });
      } finally {
        button.disabled = false;
        await fill();
      }
      edited();
    }),
  );
  return self;
};
