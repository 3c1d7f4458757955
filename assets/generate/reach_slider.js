// How many tokens a branch is written on by; the address remembers it.
import { address } from "../shared/address.js";

const USUAL = 25,
  MOST = 100;

/**
 * @param {any} slider
 * @param {HTMLElement} words beside it
 * @returns {() => number} tokens
 */
export function reachSlider(slider, words) {
  let reach = Number(address.get("reach") ?? USUAL);
  if (!(reach >= 0 && reach <= MOST)) reach = USUAL;
  function tell() {
    slider.value = reach;
    words.textContent = String(reach);
  }
  tell();
  slider.addEventListener("input", () => {
    reach = Number(slider.value);
    address.set({ reach: reach === USUAL ? null : reach });
    tell();
  });
  return () => reach;
}
