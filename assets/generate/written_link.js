// What was written, as one entry of the address: ids, which of them a person chose, and the settings that
// the others were drawn with. No probability is in it: whoever opens the link has the model write the text
// again (rewriting.js), so every number on the page is the model's own.
//
// An entry is a row of pieces with * between them, in letters that an address leaves as they are (a space becomes a plus):
//   the place and the vocabulary it belongs to, as two short checksums
//   b... a branch of a tree: its parent, where it departs, how it is marked, its name
//   s... the settings of what follows
//   d... ids that were drawn in one go    c... ids that a person chose
import { address } from "../shared/address.js";
import { on } from "../shared/events.js";
import { bytesOf } from "../shared/numbers.js";
import * as sampler from "../shared/sampler.js";
import { Refusal } from "../shared/server.js";
import { subject } from "../shared/subject.js";
import * as dials from "./dials.js";
import { samplingSettings } from "./sampling_settings.js";

const MOST = 400; // tokens of an entry: a longer text is left out of the address
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const refuse = () => {
  throw new Refusal("What was written could not be read from this link, so it is left out.");
};

// ---- numbers, names ------------------------------------------------------------------------------

function digits(n, width) {
  let text = "";
  for (let i = 0; i < width; i += 1, n = Math.floor(n / 64)) text = DIGITS[n % 64] + text;
  return text;
}
const number = (text) => [...text].reduce((n, digit) => n * 64 + DIGITS.indexOf(digit), 0);
/** Digits that every id of a vocabulary fits in. */
const widthOf = (size) => Math.max(1, Math.ceil(Math.log2(size) / 6));

const spelt = (text) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=/g, "");
function unspelt(text) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytesOf(text.replace(/-/g, "+").replace(/_/g, "/")));
  } catch {
    return refuse();
  }
}

/** A checksum of what a text was written after (FNV-1a): another prompt's text is told apart. */
function printOf({ model, prompt }) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(JSON.stringify([model, prompt])))
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return digits(hash, 6);
}

// ---- settings ------------------------------------------------------------------------------------

// A sampler is its letter and its value, or where it has none, its name after a full stop: .top_a-0.2

function settingsPiece({ settings, step }, place) {
  const { ORDER } = sampler,
    parts = [`e${settings.seed}`];
  for (const [name, { key, off }] of Object.entries(dials.DIALS))
    if (settings[name] !== off) parts.push((key.length > 1 ? `.${key}-` : key) + settings[name]);
  if (String(settings.order) !== String(ORDER)) parts.push(`o${dials.written(settings.order)}`);
  if (settings.weights === "int8") parts.push(".weights-8");
  if (step !== undefined && step !== place.step) parts.push(`n${step ?? ""}`);
  if (settings.stop.length) parts.push(`x${settings.stop.map(spelt).join(".")}`);
  return `s${parts.join(" ")}`;
}

function readSettings(piece, place) {
  // The names in the same order as everywhere, since a pen compares settings by their JSON.
  const settings = { ...samplingSettings().values, ...sampler.OFF, seed: 0, stop: [], weights: "exact" };
  let { step } = place,
    order = [];
  const within = (text, low, high) => {
    const x = text === "" ? NaN : Number(text);
    return Number.isFinite(x) ? Math.min(high, Math.max(low, x)) : refuse();
  };
  for (const part of piece.split(" ")) {
    const [, long, value] = /^\.(\w+)-(.*)$/.exec(part) ?? [],
      key = long ?? part[0],
      text = value ?? part.slice(1),
      name = dials.named(key);
    if (name) {
      const { low, high, whole } = dials.DIALS[name],
        x = within(text, low, high);
      settings[name] = whole ? Math.round(x) : x;
    } else if (long === "weights") settings.weights = value === "8" ? "int8" : refuse();
    else if (long)
      continue; // a sampler of another version
    else if (key === "e") settings.seed = Math.round(within(text, 0, Number.MAX_SAFE_INTEGER));
    else if (key === "n") step = text === "" ? null : Math.round(within(text, 0, 2 ** 31));
    else if (key === "x") settings.stop = text.split(".").map(unspelt);
    else if (key === "o") order = dials.read(text);
    else refuse();
  }
  return { settings: { ...settings, order: dials.completed(order) }, step };
}

// ---- tokens --------------------------------------------------------------------------------------

/** Tokens in runs: drawn in one go, or chosen, with the same settings. */
function runsOf(tokens) {
  const runs = [];
  for (const token of tokens) {
    const last = runs.at(-1),
      chosen = Boolean(token.forced);
    const goesOn =
      last && last.chosen === chosen && !token.begins && last.settings === token.settings && last.step === token.step;
    if (goesOn) last.ids.push(token.id);
    else runs.push({ chosen, settings: token.settings, step: token.step, ids: [token.id] });
  }
  return runs;
}

/** The pieces of some tokens; `said` remembers the settings that stand before. */
function pieces(tokens, { place, vocabulary }, said = { settings: "" }) {
  const width = widthOf(vocabulary.size);
  return runsOf(tokens).flatMap((run) => {
    const settings = settingsPiece(run, place),
      ids = (run.chosen ? "c" : "d") + run.ids.map((id) => digits(id, width)).join("");
    const fresh = settings !== said.settings;
    said.settings = settings;
    return fresh ? [settings, ids] : [ids];
  });
}

const countOf = (runs) => runs.reduce((sum, run) => sum + run.ids.length, 0);

/** The runs that pieces say: { chosen, ids, settings, step }. Throws a Refusal where they make no sense. */
function readRuns(found, { place, vocabulary }, said) {
  const width = widthOf(vocabulary.size),
    runs = [];
  for (const piece of found) {
    const kind = piece[0],
      text = piece.slice(1);
    if (kind === "s") said.settings = readSettings(text, place);
    else if ((kind === "c" || kind === "d") && said.settings && text.length % width === 0 && /^[\w-]*$/.test(text)) {
      const ids = (text.match(new RegExp(`.{${width}}`, "g")) ?? []).map(number);
      if (!ids.every((id) => id >= 0 && id < vocabulary.size)) refuse();
      runs.push({ chosen: kind === "c", ids, ...said.settings });
    } else refuse();
  }
  if (countOf(runs) > MOST) refuse();
  return runs;
}

// ---- the tree ------------------------------------------------------------------------------------

/** A branch after the other, parents first: whole numbers and a name, then its own tokens. */
function treePieces({ tree: { branches }, active, compared }, where) {
  const said = { settings: "" },
    marks = (branch) => Number(branch.kept) + 2 * Number(branch === active) + 4 * Number(branch === compared);
  return branches.flatMap((branch) => [
    `b${[branches.indexOf(branch.parent) + 1, branch.parent ? branch.at : 0, marks(branch), spelt(branch.name)].join(".")}`,
    ...pieces(branch.tokens, where, said),
  ]);
}

/** What treePieces wrote: { parent, at, kept, active, compared, name, runs }, the parent as a place in the list, or -1. */
function readTree(found, where) {
  const saved = [],
    said = {};
  for (let from = 0; from < found.length; ) {
    if (found[from][0] !== "b") refuse();
    let to = from + 1;
    while (to < found.length && found[to][0] !== "b") to += 1;
    const [above, at, marks, name] = found[from].slice(1).split("."),
      parent = Number(above) - 1;
    if (!(Number.isInteger(parent) && parent >= -1 && parent < saved.length && /^[0-9]{1,4}$/.test(at) && name))
      refuse();
    saved.push({
      parent,
      at: Number(at),
      kept: Boolean(marks & 1),
      active: Boolean(marks & 2),
      compared: Boolean(marks & 4),
      name: unspelt(name).slice(0, 40),
      runs: readRuns(found.slice(from + 1, to), where, said),
    });
    from = to;
  }
  if (countOf(saved.flatMap(({ runs }) => runs)) > MOST) refuse();
  return saved;
}

// ---- the address ---------------------------------------------------------------------------------

const waiting = new Map(); // key -> the timer that will write it
on("subject", (subject) => {
  // what belongs to another model or prompt goes
  for (const key of ["w", "tree"]) {
    const entry = address.get(key);
    if (entry === null || entry.startsWith(printOf(subject))) continue;
    clearTimeout(waiting.get(key));
    address.set({ [key]: null });
  }
});

const head = ({ place, vocabulary }) => [printOf(place), vocabulary.hash.slice(0, 6)];

/** Put pieces under a key of the address, soon: it is not worth doing at every step. */
function keep(key, where, count, write) {
  clearTimeout(waiting.get(key));
  waiting.set(
    key,
    setTimeout(() => {
      if (printOf(where.place) !== printOf(subject)) return;
      const entry = count && count <= MOST ? [...head(where), ...write()].join("*") : null;
      if (address.get(key) !== entry) address.set({ [key]: entry });
    }, 200),
  );
}

/** What the address holds for this place, or null; to be asked before anything is written there. */
function entry(key, place) {
  const found = address.get(key);
  return found?.startsWith(printOf(place)) ? found.split("*") : null;
}

/** The pieces of an entry. Throws a Refusal when it was written with another vocabulary. */
function body(found, where) {
  const [print, vocabulary] = head(where);
  if (found[0] !== print || found[1] !== vocabulary) refuse();
  return found.slice(2);
}

export const link = {
  entry,
  keepText: (where, tokens) => keep("w", where, tokens.length, () => pieces(tokens, where)),
  readText: (found, where) => readRuns(body(found, where), where, {}),
  keepTree: (where, shown) =>
    keep(
      "tree",
      where,
      shown.tree.branches.reduce((sum, branch) => sum + branch.tokens.length, 0),
      () => treePieces(shown, where),
    ),
  readTree: (found, where) => readTree(body(found, where), where),
};
