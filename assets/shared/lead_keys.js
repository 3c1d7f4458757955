// Keys that lead through a view, in a room too: arrows, space and Enter.
import { on } from "./events.js";

/**
 * Run keys[event.key]() while the view is seen. A key that a part of the page has used stays with that part, and so
 * do space and Enter on a button.
 * @param {HTMLElement} root
 * @param {Record<string, () => void>} keys
 */
export const leadBy = (root, keys) =>
  on("key", (event) => {
    if (root.offsetParent === null || event.defaultPrevented || !keys[event.key]) return;
    if ((event.key === " " || event.key === "Enter") && event.target.closest?.("button, summary, a")) return;
    event.preventDefault();
    keys[event.key]();
  });
