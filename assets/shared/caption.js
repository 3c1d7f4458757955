// The line beneath a picture. At rest it holds the view's lead sentence and one thing to try; while something is
// pointed at, its words and numbers. In a room it is the only text beside the picture.
import { el } from "./elements.js";
import { on } from "./events.js";

/**
 * Gather a view's lead (.gb-lead) and its "try this" (.gb-try) under its picture.
 * @param {Element} root - the view
 * @returns {(text?: string) => void} say what is looked at; nothing brings the lead back
 */
export function captionOf(root) {
  const lead = root.querySelector(".gb-lead"),
    suggestion = root.querySelector(".gb-try");
  if (!lead && !suggestion) return () => {};
  const now = el("p", { class: "gb-caption-now", "aria-live": "polite", hidden: true });
  const step = el("output", { class: "gb-caption-step" });
  on("step", (text) => {
    step.textContent = text;
  });
  root.append(el("footer", { class: "gb-caption" }, now, lead, suggestion, step));
  return (text = "") => {
    now.textContent = text;
    now.hidden = !text;
    if (lead) lead.classList.toggle("gb-away", Boolean(text));
  };
}
