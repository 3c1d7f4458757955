// The form's fields, one for each setting that the server lists: label, unit, help, ends and choices are its.
// Which stand where is run.html's to say; those that it doesn't name stand where it has room for others.
import { el } from "./elements.js";
import { format } from "./format.js";

const WORDS = {
  adamw: "AdamW",
  muon: "Muon in the blocks, else AdamW",
  linear: "straight line",
};
/** What a choice is called. */
export const wordsOf = (choice) => WORDS[choice] ?? choice;

const SLIDER_STEPS = 10_000; // whole numbers with fewer have a slider, others are written
const LOG_SPAN = 1000; // and so have numbers whose ends are above 0 and as many times apart

/** How a setting is drawn: "log" and "slider", "number", "select", "check" or "text"; undefined: not at all. */
function drawnAs({ kind, low, high }) {
  if (kind === "whole") return high !== null && high - low < SLIDER_STEPS - 1 ? "slider" : "number";
  if (kind === "number") return low > 0 && high >= LOG_SPAN * low ? "log" : "number";
  return { choice: "select", switch: "check", text: "text" }[kind];
}

/** The element in which a setting is set. */
function control(name, { label, kind, low, high, choices }, drawn) {
  const known = { data: { name }, "aria-label": label },
    ends = { min: low, max: high };
  switch (drawn) {
    case "select":
      return el("select", known, ...choices.map((value) => el("option", { value }, wordsOf(value))));
    case "check":
      return el("input", { ...known, type: "checkbox" });
    case "text":
      return el("input", { ...known, type: "text" });
    case "log":
      known.data.log = "";
      return el("input", { ...known, type: "range", min: Math.log10(low), max: Math.log10(high), step: 0.01 });
    case "slider": // from 8 to 768 in steps of 8
      return el("input", { ...known, ...ends, type: "range", step: low > 1 && high % low === 0 ? low : 1 });
    default:
      return el("input", { ...known, ...ends, type: "number", step: kind === "whole" ? 1 : "any" });
  }
}

/** A unit of which there is one: "heads a layer" is "head a layer". */
const one = (unit) => unit.replace(/(?:(?<=ch)e)?s\b/, "");

/** A control as a number, a text or a switch. A slider over the logarithm is set exactly. */
export function field(node, { label, unit = "" }, says = null) {
  const log = "log" in node.dataset;
  const rounded = () => Number((10 ** node.valueAsNumber).toPrecision(2));
  if (log)
    node.addEventListener("input", () => {
      node.dataset.exact = rounded();
    });
  return {
    node,
    label,
    get value() {
      if (node.type === "checkbox") return node.checked;
      if (node.type === "number" || node.type === "range") return log ? Number(node.dataset.exact) : node.valueAsNumber;
      return node.value;
    },
    set value(value) {
      if (node.type === "checkbox") node.checked = value;
      else if (log) {
        node.dataset.exact = value;
        node.value = Math.log10(value);
      } else node.value = value;
    },
    /** Say what a slider stands at. */
    tell() {
      if (!says) return;
      const words = this.value === 1 ? one(unit) : unit;
      says.textContent = [log ? format.number(this.value) : format.whole(this.value), words].join(" ").trim();
      node.setAttribute("aria-valuetext", says.textContent);
    },
  };
}

function labelled(name, setting, drawn) {
  const node = control(name, setting, drawn),
    words = el("span", {}, setting.label),
    about = { title: setting.help, data: { for: name } };
  if (drawn === "check") return [field(node, setting), el("label", { class: "gb-check", ...about }, node, words)];
  const slides = drawn === "slider" || drawn === "log",
    beside = el("span", { class: slides ? "gb-mono" : "" }, slides ? "" : setting.unit),
    head = el("span", { class: "gb-spread" }, words, beside);
  return [field(node, setting, slides ? beside : null), el("label", { class: "gb-field", ...about }, head, node)];
}

/** Draw the settings in place of the elements that name them in data-settings; returns the fields by name. */
export function drawFields(root, settings) {
  const fields = {},
    boxes = {};
  for (const [name, setting] of Object.entries(settings)) {
    const drawn = drawnAs(setting);
    if (drawn) [fields[name], boxes[name]] = labelled(name, setting, drawn);
  }
  const places = [...root.querySelectorAll("[data-settings]")].map((place) => ({
    place,
    names: place.dataset.settings.split(" ").filter((name) => name in boxes),
  }));
  const placed = new Set(places.flatMap(({ names }) => names)),
    others = Object.keys(boxes).filter((name) => !placed.has(name));
  for (const { place, names } of places) place.replaceWith(...names.map((name) => boxes[name]));
  root.querySelector("[data-other-settings]").replaceWith(...others.map((name) => boxes[name]));
  return fields;
}
