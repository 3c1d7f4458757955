// The sampling settings, shared by all views of the tab: values under the names of llm.SamplingConfig,
// which of them are switched off, the order they act in, and the address that brings them back.
import { address } from "../shared/address.js";
import * as sampler from "../shared/sampler.js";
import * as dials from "./dials.js";

const { DIALS } = dials;
const LENGTH = {
  key: "n",
  otherwise: 100,
  low: 1,
  high: 2000,
  stops: [1, 2, 5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 1500, 2000],
};
const SEED = 1337,
  MAX_SEED = Number.MAX_SAFE_INTEGER,
  MAX_STOPS = 8;
const hugging = () => sampler.ORDER;

function make(prefix) {
  const key = (name) => prefix + name;
  const read = (name, otherwise, low, high, whole) => {
    const text = address.get(key(name)),
      x = text === null || text.trim() === "" ? NaN : Number(text);
    if (!Number.isFinite(x)) return otherwise;
    return Math.min(high, Math.max(low, whole ? Math.round(x) : x));
  };
  const listeners = [];
  const chosen = {},
    on = {}; // what the sliders stand at, and whether they act
  const off = dials.read(address.get(key("off")) ?? "");
  for (const [name, dial] of Object.entries(DIALS)) {
    chosen[name] = read(dial.key, dial.off, dial.low, dial.high, dial.whole);
    on[name] = chosen[name] !== dial.off && !off.includes(name);
  }
  let order = dials.completed(dials.read(address.get(key("order")) ?? ""));
  let length = read(LENGTH.key, LENGTH.otherwise, LENGTH.low, LENGTH.high, true);
  let seed = read("seed", SEED, 0, MAX_SEED, true);
  let stop = readStops(address.get(key("stop")));
  const told = address.get(key("fast"));
  let fast = told === "1" ? true : told === "0" ? false : null; // null: as the model's size suggests
  let fastIsUsual = false,
    fastIsPossible = true;
  let vocabulary = 2,
    wait = null;

  function remember() {
    const state = { seed: seed === SEED ? null : seed, [LENGTH.key]: length === LENGTH.otherwise ? null : length };
    state.stop = stop.length ? JSON.stringify(stop) : null;
    state.fast = fast === null ? null : Number(fast);
    state.order = String(order) === String(hugging()) ? null : dials.written(order);
    state.off = dials.written(Object.keys(DIALS).filter((name) => !on[name] && chosen[name] !== DIALS[name].off));
    for (const [name, dial] of Object.entries(DIALS)) state[dial.key] = chosen[name] === dial.off ? null : chosen[name];
    address.set(Object.fromEntries(Object.entries(state).map(([name, value]) => [key(name), value])));
  }
  function changed() {
    for (const listener of listeners) listener();
    clearTimeout(wait); // browsers refuse an address that changes with every movement of a slider
    wait = setTimeout(remember, 200);
  }

  const store = {
    /** What acts now, as a request sends it. */
    get values() {
      const weights = (fast ?? fastIsUsual) && fastIsPossible ? "int8" : "exact";
      const values = { order: [...order], seed, max_new_tokens: length, stop: [...stop], weights };
      for (const [name, dial] of Object.entries(DIALS)) values[name] = on[name] ? chosen[name] : dial.off;
      return values;
    },
    /** The same exactly when the same text would be drawn. */
    get identity() {
      return JSON.stringify({ ...store.values, max_new_tokens: 0 });
    },
    get order() {
      return order;
    },
    get isHuggingFaces() {
      return String(order) === String(hugging());
    },
    /** Whether a person wants the 8-bit weights to write; null where nobody said. */
    get fast() {
      return fast;
    },
    get size() {
      return vocabulary;
    },
    get stops() {
      return stop;
    },
    chosen: (name) => chosen[name],
    isOn: (name) => on[name],
    subscribe(listener) {
      listeners.push(listener);
      listener();
    },
    set(name, value) {
      chosen[name] = value;
      on[name] = value !== DIALS[name].off;
      changed();
    },
    /** Off, and back to where it was. */
    toggle(name) {
      if (!on[name] && chosen[name] === DIALS[name].off) chosen[name] = DIALS[name].usual;
      on[name] = !on[name];
      changed();
    },
    offAll() {
      for (const name of Object.keys(DIALS)) on[name] = false;
      changed();
    },
    /** Put a step at a place of the chain, from 0. */
    move(name, place) {
      const rest = order.filter((other) => other !== name);
      rest.splice(Math.max(0, Math.min(rest.length, place)), 0, name);
      if (String(rest) === String(order)) return;
      order = rest;
      changed();
    },
    /** The samplers and the order of another store. */
    copy(other) {
      for (const name of Object.keys(DIALS)) [chosen[name], on[name]] = [other.chosen(name), other.isOn(name)];
      order = [...other.order];
      changed();
    },
    restoreOrder() {
      order = [...hugging()];
      changed();
    },
    setSeed(value) {
      seed = Math.min(MAX_SEED, Math.max(0, Math.round(value)));
      changed();
    },
    roll() {
      store.setSeed(1 + Math.floor(Math.random() * 99_999));
    },
    setLength(value) {
      length = value;
      changed();
    },
    setFast(value) {
      fast = value;
      changed();
    },
    /** Whether 8-bit weights write on this model unless told otherwise, and whether they can. */
    noteFast(usual, possible) {
      if (usual === fastIsUsual && possible === fastIsPossible) return;
      [fastIsUsual, fastIsPossible] = [usual, possible];
      for (const listener of listeners) listener();
    },
    addStop(text) {
      if (text && !stop.includes(text) && stop.length < MAX_STOPS) {
        stop = [...stop, text];
        changed();
      }
    },
    removeStop(text) {
      stop = stop.filter((other) => other !== text);
      changed();
    },
    /** Top-k's slider ends at the size of the vocabulary. */
    fit(size) {
      if (size === vocabulary) return;
      vocabulary = size;
      for (const listener of listeners) listener();
    },
  };
  return store;
}

function readStops(text) {
  try {
    const stops = JSON.parse(text ?? "[]");
    return Array.isArray(stops)
      ? stops.filter((s) => typeof s === "string" && s && s.length <= 200).slice(0, MAX_STOPS)
      : [];
  } catch {
    return [];
  }
}

const made = new Map();
/** settings(): the tab's; settings("b."): the other side's, under keys of their own in the address. */
export const samplingSettings = (prefix = "") => made.get(prefix) ?? made.set(prefix, make(prefix)).get(prefix);
export { LENGTH };
