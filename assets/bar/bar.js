// The bar above every tab: model, moment and prompt. It alone fills the menus; everyone may point
// the subject elsewhere through look, and the bar follows.
import { address } from "../shared/address.js";
import { chooseDevice, chosenDevice } from "../shared/device.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { panel } from "../shared/panel.js";
import { room } from "../shared/presenting.js";
import { look, renew, subject } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import { chosenTheme, turnTheme } from "../shared/theme.js";
import { ownModels } from "./own_models.js";
import { shareMenu } from "./sharing.js";

panel("bar", ({ ask, upload, find, notice }) => {
  const model = find("[data-id=model]"),
    prompt = find("[data-id=prompt]"),
    examples = find("[data-id=examples]");
  const DEVICE = "device ", // begins what names one in the menu
    MOST_PX = 240; // of the prompt
  let models = [],
    more = [], // what else the menu offers
    devices = []; // where the numbers can be computed
  const current = () => models.find((m) => m.ref === subject.model);

  function fillMenu() {
    const groups = new Map();
    for (const m of models) {
      if (!groups.has(m.group)) groups.set(m.group, el("optgroup", { label: m.group }));
      groups.get(m.group).append(el("option", { value: m.ref }, m.live ? `${m.title} (training now)` : m.title));
    }
    model.replaceChildren(...groups.values(), ...more, computedOn());
    model.value = subject.model ?? "";
  }

  /** Where the numbers come from; where there are several devices, a choice. */
  function computedOn() {
    if (devices.length < 2) return el("optgroup", { label: `computed on ${devices[0]?.title}` });
    const chosen = chosenDevice() ?? devices[0].name;
    return el(
      "optgroup",
      { label: "Computed on" },
      ...devices.map(({ name, title }) =>
        el("option", { value: DEVICE + name }, `${name === chosen ? "✓ " : ""}${title}`),
      ),
    );
  }

  /** What can be tried with this model. */
  function fillExamples() {
    const texts = current()?.examples ?? [];
    examples.replaceChildren(
      el("option", { value: "" }, "Examples"),
      ...texts.map((text) => el("option", { value: text }, text.trim())),
    );
  }

  /** Another model. An example goes with the model it was made for; a prompt that someone wrote stays. */
  function change(ref) {
    const next = models.find((m) => m.ref === ref);
    if (next?.closed) {
      model.value = subject.model ?? "";
      own.openLocal(ref);
      return;
    }
    const asked = current()?.examples.includes(subject.prompt);
    look({ model: ref, step: null, ...(asked && next ? { prompt: next.examples[0] } : {}) }, { turn: true });
  }

  /** One line at rest; over the picture below as tall as its text while someone writes in it. */
  function grow() {
    prompt.style.height = "";
    if (document.activeElement === prompt) prompt.style.height = `${Math.min(prompt.scrollHeight + 2, MOST_PX)}px`;
  }

  function follow() {
    if (model.value !== subject.model) model.value = subject.model ?? "";
    if (document.activeElement !== prompt) {
      prompt.value = subject.prompt;
      grow();
    }
    fillExamples();
    emit("moments", { ref: subject.model, steps: current()?.steps ?? [] });
  }

  function lookAtAddress() {
    const wanted = address.get("model");
    const ref = models.some((m) => m.ref === wanted) ? wanted : (models[0]?.ref ?? null);
    if (wanted && ref !== wanted) notice("The model in this link is not here; this is another one.");
    const step = Number.parseInt(address.get("step", ""), 10);
    look({
      model: ref,
      step: Number.isNaN(step) ? null : step,
      prompt: address.get("prompt", models.find((m) => m.ref === ref)?.examples[0] ?? ""),
    });
  }
  async function reload({ settle = false } = {}) {
    const answer = await ask("list_models");
    models = answer.models;
    devices = answer.devices;
    if (!devices.some(({ name }) => name === chosenDevice())) chooseDevice(null); // chosen on another computer
    more = own.options(answer);
    if (settle) lookAtAddress();
    else if (!current() && models.length) look({ model: models[0].ref, step: null });
    fillMenu();
    follow();
    watchTraining();
    own.resume();
  }
  const safely = (work) => work.catch((error) => notice(error.message));

  // While a run trains, look for its new snapshots: the newest moment moves on, a chosen one stays.
  let watch = null;
  async function watchTraining() {
    clearTimeout(watch);
    if (!models.some((m) => m.live)) return;
    watch = setTimeout(async () => {
      const before = JSON.stringify(current()?.steps);
      await safely(reload());
      if (subject.step === null && JSON.stringify(current()?.steps) !== before) renew();
    }, 2000);
  }

  model.addEventListener("change", () => {
    const value = model.value;
    if (own.chosen(value)) {
      model.value = subject.model ?? "";
    } else if (value.startsWith(DEVICE)) {
      chooseDevice(value.slice(DEVICE.length));
      fillMenu();
      renew();
    } else change(value);
  });
  const own = ownModels({
    ask,
    upload,
    find,
    notice,
    safely,
    prompt: () => (current()?.examples.includes(subject.prompt) ? "" : subject.prompt),
    show: async (ref, prompt) => {
      models = (await ask("list_models")).models;
      look(
        { model: ref, step: null, prompt: prompt || models.find((m) => m.ref === ref)?.examples[0] },
        { turn: true },
      );
      await reload();
    },
  });
  let wait = null;
  prompt.addEventListener("input", () => {
    grow();
    clearTimeout(wait);
    wait = setTimeout(() => look({ prompt: prompt.value }), 180);
  });
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Escape") prompt.blur();
  });
  for (const event of ["focus", "blur"]) prompt.addEventListener(event, grow);
  on("prompt", () => prompt.focus());
  examples.addEventListener("change", () => {
    if (!examples.value) return;
    look({ prompt: examples.value });
    prompt.value = subject.prompt;
    examples.value = "";
    grow();
  });
  find(".gb-mark").addEventListener("click", (event) => {
    event.preventDefault();
    history.replaceState(null, "", location.pathname + location.search);
    location.reload();
  });
  chosenTheme();
  find("[data-id=path]").addEventListener("click", () => openView("model", "path"));
  find("[data-id=theme]").addEventListener("click", turnTheme);
  find("[data-id=present]").addEventListener("click", () => room());
  shareMenu({ ask, find, notice });

  on("subject", follow);
  on("models", () => safely(reload())); // someone made or removed a model
  on("found", () => safely(reload()));
  on("address", () => {
    if (models.some((m) => m.ref === address.get("model"))) lookAtAddress();
    else safely(reload({ settle: true }));
  });
  safely(reload({ settle: true }));
  return { resize: grow };
});
