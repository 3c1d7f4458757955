// Words and numbers of what is pointed at, in the tooltip beside it.
import { format } from "../shared/format.js";
import { tip } from "../shared/tooltip.js";

/**
 * Put the tooltip beside what is hovered, focused or tapped; Esc or a tap elsewhere takes it away.
 * @param {HTMLElement} box
 * @param {string} selector of what can be explained
 * @param {(node: any) => (Node | string)[] | null} describe its rows
 * @param {(node: any) => void} point hears of it as well, and of null when it is over
 */
export const explainOn = (box, selector, describe, point = () => {}) => {
  const at = (event) => event.target.closest?.(selector);
  const show = (node, x, y) => {
    tip.show(x, y, ...describe(node));
    point(node);
  };
  const hide = () => {
    tip.hide();
    point(null);
  };
  const beside = (node) => {
    const { left, width, bottom } = node.getBoundingClientRect();
    show(node, left + Math.min(width, 240), bottom);
  };
  box.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse") return;
    if (at(event)) show(at(event), event.clientX, event.clientY);
    else hide();
  });
  box.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
  box.addEventListener("focusin", (event) => at(event)?.matches(":focus-visible") && beside(at(event)));
  box.addEventListener("focusout", hide);
  box.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" && !box.contains(/** @type {Node} */ (event.target))) hide();
  });
  return beside;
};

/** A probability with three significant digits however small it is. */
export const exactly = (p) => (p === 0 ? "0" : p >= 1e-3 ? `${(100 * p).toPrecision(3)} %` : format.number(p));
