// Where models are computed, if this visitor chose a device of those that the server has. Told with every question.
import { keep, kept } from "./storage.js";

const KEY = "glassbox.device";
/** @type {string | null} */
let chosen = kept(KEY) || null;

/** @returns {string | null} as torch calls it; null is the server's own choice */
export const chosenDevice = () => chosen;

/** @param {string | null} name */
export function chooseDevice(name) {
  chosen = name;
  keep(KEY, name ?? "");
}
