// The open tab is in the address as well. Gradio draws the tabs' buttons; they are known by their text.
import { address } from "./address.js";
import { emit, on } from "./events.js";

const button = (name) =>
  /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".tab-container [role=tab]")]).find(
    (tab) => tab.textContent.trim().toLowerCase() === name,
  );
let opened = null; // the tab that is open where the address names none
document.addEventListener("click", (event) => {
  const tab = event.target instanceof Element ? event.target.closest(".tab-container [role=tab]") : null;
  const name = tab?.textContent.trim().toLowerCase();
  if (name && name !== address.get("tab", opened)) address.set({ tab: name }, { turn: true });
});
const first = () => document.querySelector(".tab-container [role=tab][aria-selected=true]");
const PATIENCE = 600; // frames

/**
 * Open a tab, and one of its views.
 * @param {string} tab its name in lower case
 * @param {string | null} view its name as in Python
 */
export const openView = (tab, view = null) => {
  button(tab)?.click();
  if (view) requestAnimationFrame(() => turnTo(view));
};
/** Gradio may still be drawing the views of a tab that was never open. */
function turnTo(view, frames = 0) {
  if (document.querySelector(`[data-view="${view}"][aria-pressed]`)) emit("view", view);
  else if (frames < PATIENCE) requestAnimationFrame(() => turnTo(view, frames + 1));
}
const wanted = address.get("tab");
let tries = 0;
const settle = () => {
  opened ??= first()?.textContent.trim().toLowerCase() ?? null;
  const tab = wanted && button(wanted);
  if (tab) tab.click();
  if ((wanted && !tab) || !opened) if ((tries += 1) < 100) setTimeout(settle, 50);
};
settle();
on("address", () => button(address.get("tab", opened))?.click());
