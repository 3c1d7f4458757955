// The samplers' dials: what the server knows of each setting (llm/ui/page_settings.py; it is in the page from
// the start), with what only the page needs: what a slider runs through, and what links call it.
import { format } from "../shared/format.js";

const three = (x) => Number(x.toPrecision(3));
const span = (n, value) => Array.from({ length: n + 1 }, (_, i) => value(i));

// What links have called the first samplers ever since; one that came later is called by its name.
const LETTERS = { repetition_penalty: "r", temperature: "t", top_k: "k", top_p: "p", min_p: "m", typical_p: "y" };

// Less used, and last in Hugging Face's order: rails show these when asked.
const RARE = ["min_p", "typical_p"];

// Where a sampler wants another slider, or another value when it is first switched on, than its bounds suggest.
const OWN = {
  repetition_penalty: { usual: 1.2, stops: () => span(100, (i) => (100 + i) / 100) },
  temperature: {
    usual: 0.8,
    stops: () => [0, ...span(200, (i) => three(10 ** ((i - 100) / 100)))],
    say: (x) => (x === 0 ? "0, greedy" : String(x)),
  },
};

/** A count of tokens: by its logarithm up to the whole vocabulary, where it is off. */
const counts = (off) => ({
  usual: 40,
  stops: (V) => [...new Set([...span(120, (i) => Math.round(V ** (i / 120))).filter((k) => k < V), off])],
  say: format.whole,
});
/** A share: finer near its off value where that is the lowest, and else in equal steps from just above the lowest. */
const shares = (low, high, off) => ({
  usual: three(off === low ? low + 0.05 * (high - low) : low + 0.9 * (high - low)),
  stops: () =>
    off === low
      ? span(100, (i) => three(low + (high - low) * (i / 100) ** 2))
      : span(99, (i) => three(low + ((high - low) * (i + 1)) / 100)),
  say: String,
});

function dial(name, { label, help, kind, low, high, default: off }) {
  const whole = kind === "whole",
    general = whole ? counts(off) : shares(low, high, off);
  const known = { key: LETTERS[name] ?? name, title: label, hint: help, off, low, high, whole };
  return { ...known, rare: RARE.includes(name), ...general, ...OWN[name] };
}
const told = /** @type {HTMLMetaElement} */ (document.querySelector("meta[name=glassbox-dials]"));
const { dials, order } = JSON.parse(told.content);

/**
 * By name, in the order in which they act unless told otherwise. key: its name in the address; off: the value that
 * changes nothing; usual: what switching it on for the first time means; stops: what its slider runs through.
 */
export const DIALS = Object.fromEntries(order.map((name) => [name, dial(name, dials[name])]));

const byKey = new Map(Object.entries(DIALS).map(([name, { key }]) => [key, name]));
/** The sampler that a link calls so. */
export const named = (key) => byKey.get(key);

/** Samplers as a link has them: their letters in a row; with one that has none, each followed by a full stop. */
export function written(names) {
  const keys = names.map((name) => DIALS[name].key),
    short = keys.every((key) => key.length === 1);
  return keys.map((key) => (short ? key : `${key}.`)).join("");
}
/** The samplers of a link, but for those that are not here. */
export const read = (text) => (text.includes(".") ? text.split(".") : [...text]).map(named).filter(Boolean);

/** A whole order from one of another version, as llm.config.complete_order makes it. */
export const completed = (names) => [...new Set([...names, ...order])];
