// What drawing needs beside the samplers: a seed, how many tokens at most, the texts to stop at.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";
import { LENGTH } from "./sampling_settings.js";

let made = 0;

/** A seed and a die to throw for another. */
function seed(store) {
  const name = `gb-seed-${(made += 1)}`;
  const input = el("input", {
    type: "number",
    id: name,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    step: 1,
    data: { id: "seed" },
  });
  const dice = el(
    "button",
    {
      type: "button",
      class: "gb-icon gb-die",
      title: "Another seed",
      "aria-label": "Another seed",
      data: { id: "dice" },
      onclick: () => store.roll(),
    },
    "⚄",
  );
  input.addEventListener("input", () => {
    if (input.value.trim() !== "" && Number.isFinite(Number(input.value))) store.setSeed(Number(input.value));
  });
  const settle = () => {
    input.value = store.values.seed;
  };
  input.addEventListener("change", settle);
  store.subscribe(() => {
    if (document.activeElement !== input) settle();
  });
  return el(
    "div",
    { class: "gb-field" },
    el("label", { for: name, class: "gb-small gb-soft" }, "Seed"),
    el("div", { class: "gb-row gb-seed" }, input, dice),
  );
}

/** Most new tokens. */
function length(store) {
  const { stops } = LENGTH;
  const input = el("input", { type: "range", min: 0, max: stops.length - 1, data: { setting: "max_new_tokens" } });
  const says = el("span", { class: "gb-says", data: { say: "max_new_tokens" } }); // an output would take the label
  input.addEventListener("input", () => store.setLength(stops[Number(input.value)]));
  store.subscribe(() => {
    const now = store.values.max_new_tokens;
    const at = stops.reduce((best, stop, i) => (Math.abs(stop - now) < Math.abs(stops[best] - now) ? i : best), 0);
    input.value = String(at);
    says.textContent = format.whole(now);
    input.setAttribute("aria-valuetext", says.textContent);
  });
  return el(
    "label",
    { class: "gb-field" },
    el("span", { class: "gb-spread" }, el("span", {}, "Most new tokens"), says),
    input,
  );
}

/** Texts to stop before: a chip each, and a field where \\n is a new line. */
function stops(store) {
  const chips = el("div", { class: "gb-row gb-stops" });
  const entry = el("input", {
    type: "text",
    maxlength: 200,
    placeholder: "\\n\\n",
    spellcheck: "false",
    "aria-label": "A stop text; \\n is a new line",
    data: { id: "stop" },
  });
  const add = () => {
    store.addStop(entry.value.replace(/\\(n|t|\\)/g, (_, c) => ({ n: "\n", t: "\t", "\\": "\\" })[c]));
    entry.value = "";
  };
  entry.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add();
  });
  store.subscribe(() => {
    chips.replaceChildren(
      ...store.stops.map((text) =>
        el(
          "button",
          {
            type: "button",
            class: "gb-stop gb-mono",
            title: "Remove",
            "aria-label": `Remove the stop text ${text}`,
            onclick: () => store.removeStop(text),
          },
          `${visible(text)} ×`,
        ),
      ),
    );
    chips.hidden = !store.stops.length;
  });
  return el(
    "div",
    { class: "gb-field" },
    el("span", {}, "Stop before these texts"),
    chips,
    el(
      "div",
      { class: "gb-row gb-seed" },
      entry,
      el("button", { type: "button", class: "gb-button", data: { id: "add-stop" }, onclick: add }, "Add"),
    ),
  );
}

/**
 * A row of buttons of which one is chosen, kept in the address.
 * @param {HTMLElement} box
 * @param {string} key names it in the address
 * @param {string} otherwise what is chosen where the address doesn't say
 * @param {(value: string) => void} use
 */
function choice(box, key, otherwise, use) {
  const all = [...box.querySelectorAll("button")];
  const choose = (value) => {
    all.forEach((button) => button.setAttribute("aria-pressed", String(button.value === value)));
    address.set({ [key]: value === otherwise ? null : value });
    use(value);
  };
  all.forEach((button) => button.addEventListener("click", () => choose(button.value)));
  const wanted = address.get(key);
  choose(all.some((button) => button.value === wanted) ? wanted : otherwise);
  return choose;
}

export { choice, length, seed, stops };
