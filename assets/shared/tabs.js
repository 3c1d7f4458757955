// The open tab is in the address as well. Gradio draws the tabs' buttons; they are known by their text.
import { address } from "./address.js";
import { emit } from "./events.js";

const button = (name) =>
  /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".tab-container [role=tab]")]).find(
    (tab) => tab.textContent.trim().toLowerCase() === name,
  );
document.addEventListener("click", (event) => {
  const tab = event.target instanceof Element && event.target.closest(".tab-container [role=tab]");
  if (tab) address.set({ tab: tab.textContent.trim().toLowerCase() });
});

/**
 * Open a tab, and one of its views.
 * @param {string} tab its name in lower case
 * @param {string | null} view its name as in Python
 */
export const openView = (tab, view = null) => {
  button(tab)?.click();
  if (view) requestAnimationFrame(() => emit("view", view));
};
const wanted = address.get("tab");
let tries = 0;
const settle = () => {
  const tab = wanted && button(wanted);
  if (tab) tab.click();
  else if (wanted && (tries += 1) < 100) setTimeout(settle, 50);
};
settle();
