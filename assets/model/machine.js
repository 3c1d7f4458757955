// The model drawn from its operations: the way in, its blocks with one of them unfolded, the way out. The line at the
// left is the residual stream; what is added to it is a filled dot.
import { el } from "../shared/elements.js";
import { roving } from "../shared/roving.js";
import { shapeOf } from "./steps.js";

/** @import { Architecture, Step } from "./steps.js" */

const UNITS = ["", "k", "M", "G", "T"];
const ADDS = /^(wpe|add_[12])$/;

/** A count in three digits: 1,234,567 is "1.23 M". */
function short(n) {
  if (!n) return "";
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(n) / 3));
  const rounded = Number((n / 1000 ** power).toPrecision(3));
  return `${rounded}${power ? ` ${UNITS[power]}` : ""}`;
}

/** What an operation belongs to, which decides its colour. */
const roleOf = (key) =>
  key.startsWith("attn.")
    ? "attention"
    : key.startsWith("mlp.")
      ? "mlp"
      : /^(head|parts|odds|id)$/.test(key)
        ? "chosen"
        : "residual";

/**
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(key: string) => void} acts.onPick a step is chosen
 * @param {(step: Step | null) => void} acts.onHover a step is pointed at; null: none any more
 */
export const machine = (box, { onPick, onHover }) => {
  /** @type {Step[]} */ let steps = [];
  const settle = roving(box, "button", { chosen: "[aria-current]" });

  const row = ({ key, operation }, model, tokens) =>
    el(
      "button",
      {
        type: "button",
        class: ADDS.test(operation.key) ? "gb-adds" : null,
        data: { key, role: roleOf(operation.key) },
      },
      el("span", {}, operation.title),
      el("span", { class: "gb-of" }, shapeOf(operation.writes, model.sizes, tokens)),
      el("span", { class: "gb-of" }, short(operation.parameters)),
      el("span", { class: "gb-of" }, short(operation.flops)),
    );

  /**
   * @param {Architecture} model
   * @param {Step[]} all
   * @param {Step} now
   * @param {number} tokens of the prompt
   * @param {number} open the block that is unfolded
   */
  function draw(model, all, now, tokens, open) {
    steps = all;
    const first = steps.filter(({ operation }) => operation.where === "before");
    const last = steps.filter(({ operation }) => operation.where === "after");
    const blocks = Array.from({ length: model.layers }, (_, layer) =>
      el(
        "button",
        {
          type: "button",
          data: {
            key: `h.${layer}.${now.layer === null ? steps[first.length].operation.key : now.operation.key}`,
            block: layer,
          },
          "aria-expanded": String(layer === open),
          "aria-label": `Block ${layer}`,
        },
        String(layer),
      ),
    );
    box.replaceChildren(
      el(
        "div",
        { class: "gb-columns" },
        el("span", {}, `${short(model.parameters)} in all`),
        el("span", {}, "shape"),
        el("span", { title: "parameters" }, "par."),
        el("span", { title: `for each token of a full context of ${model.context}` }, "FLOP"),
      ),
      ...first.map((step) => row(step, model, tokens)),
      el("div", { class: "gb-blocks" }, el("span", {}, model.layers > 1 ? "Blocks" : "Block"), ...blocks),
      el(
        "div",
        { class: "gb-block" },
        ...steps.filter((step) => step.layer === open).map((step) => row(step, model, tokens)),
      ),
      ...last.map((step) => row(step, model, tokens)),
    );
    const here = box.querySelector(`[data-key="${now.key}"]:not([data-block])`);
    here?.setAttribute("aria-current", "step");
    settle();
    if (here) revealIn(box, here);
  }

  /** Scroll the drawing, never the page: on a phone it stands below what is looked at. */
  function revealIn(frame, node) {
    const [top, low] = [node.getBoundingClientRect().top, node.getBoundingClientRect().bottom];
    const { top: first, bottom: last } = frame.getBoundingClientRect();
    frame.scrollTop += Math.max(0, low - last) - Math.max(0, first - top);
  }

  const stepAt = (event) => {
    const node = event.target.closest?.("[data-key]");
    return node ? steps.find((step) => step.key === node.dataset.key) : null;
  };
  box.addEventListener("click", (event) => {
    const step = stepAt(event);
    if (step) onPick(step.key);
  });
  for (const kind of ["pointerover", "focusin"]) box.addEventListener(kind, (event) => onHover(stepAt(event) ?? null));
  for (const kind of ["pointerleave", "focusout"]) box.addEventListener(kind, () => onHover(null));
  return { draw };
};
