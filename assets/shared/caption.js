// The line beneath a picture. At rest it holds the view's lead sentence and one thing to try; while something is
// pointed at, its words and numbers. In a room it is the only text beside the picture.
import { el } from "./elements.js";
import { on } from "./events.js";

/**
 * Gather a view's lead (.gb-lead) and its "try this" (.gb-try) under its picture.
 * @param {Element} root - the view
 * @returns {{ say: (text?: string) => void, count: (text?: string) => void }} `say` what is looked at, nothing brings
 *   the lead back; `count` how far the view has come, nothing brings the moment of the training back
 */
export function captionOf(root) {
  const lead = root.querySelector(".gb-lead"),
    suggestion = root.querySelector(".gb-try");
  if (!lead && !suggestion) return { say: () => {}, count: () => {} };
  const now = el("p", { class: "gb-caption-now", "aria-live": "polite", hidden: true });
  const step = el("output", { class: "gb-caption-step" });
  let moment = "",
    own = "";
  const count = (text = "") => {
    own = text;
    step.textContent = own || moment;
  };
  on("step", (text) => {
    moment = text;
    count(own);
  });
  root.append(el("footer", { class: "gb-caption" }, now, lead, suggestion, step));
  const say = (text = "") => {
    now.textContent = text;
    now.hidden = !text;
    if (lead) lead.classList.toggle("gb-away", Boolean(text));
  };
  return { say, count };
}
