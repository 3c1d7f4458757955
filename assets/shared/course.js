// The course's thread through the page: which station is underway (in the address), and how far this browser got.
import { address, changedHash } from "./address.js";
import { keep, kept } from "./storage.js";

/** @import { Answers } from "../answers.js" */
/** @typedef {Answers["read_path"]["stations"][number]} Station */
/** @typedef {{ guess?: string, answer?: string | number, finding?: string }} Progress of one station */

const KEPT = "glassbox.path";

/** @returns {Record<string, Progress>} by station */
function all() {
  try {
    return Object(JSON.parse(kept(KEPT) ?? "{}"));
  } catch {
    return {}; // somebody else wrote there
  }
}

export const course = {
  /** The name of the station that is underway, or null. */
  underway: () => address.get("station"),
  /** @param {string} name @returns {Progress} */
  progress: (name) => Object(all()[name]),
  /** @param {string} name @param {Progress} changes */
  note: (name, changes) => keep(KEPT, JSON.stringify({ ...all(), [name]: { ...all()[name], ...changes } })),
  forget: () => keep(KEPT, "{}"),
  /**
   * The address where a station's task is done: that and nothing else, so that no slider stands where someone left it.
   * @param {Station} station
   */
  begins: ({ name, start }) => changedHash("", { station: name, ...start }),
  /** The address of the station itself, for others. */
  link: (name) => changedHash("", { tab: "model", view: "path", station: name }),
};

/**
 * Whether a guess was right: the choice, or within a tenth of the number.
 * @param {Station} station @param {Progress} progress
 */
export function guessedRight({ unit }, { guess, answer }) {
  if (unit === null) return guess === answer;
  const number = Number(guess) / (unit === "percent" ? 100 : 1);
  return Math.abs(number - Number(answer)) <= 0.1 * Math.abs(Number(answer));
}
