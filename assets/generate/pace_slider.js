// How many tokens a second are shown; the address remembers it.
import { address } from "../shared/address.js";

const PACES = [0.5, 1, 2, 4, 8, 16, 32, Infinity];

/**
 * @param {any} slider
 * @param {HTMLElement} words beside it
 * @returns {() => number} tokens a second; Infinity is full speed
 */
export function paceSlider(slider, words) {
  let pace = Infinity;
  function choose(value) {
    pace = value;
    slider.value = PACES.indexOf(value);
    words.textContent = value === Infinity ? "full speed" : `${value} a second`;
    slider.setAttribute("aria-valuetext", words.textContent);
    address.set({ pace: value === Infinity ? null : value });
  }
  slider.max = PACES.length - 1;
  slider.addEventListener("input", () => choose(PACES[Number(slider.value)]));
  choose(PACES.find((value) => String(value) === address.get("pace")) ?? Infinity);
  return () => pace;
}
