// Words with terms of the glossary in them, written [tokens](token): each says its sentence when it is touched.
import { el } from "./elements.js";
import { tip } from "./tooltip.js";

/** @import { Answers } from "../answers.js" */

const TERM = /^\[(.+)\]\((\w+)\)$/;

/**
 * @param {string} text
 * @param {Answers["read_path"]["glossary"]} glossary
 * @returns {(string | HTMLElement)[]}
 */
export const withTerms = (text, glossary) =>
  text.split(/(\[[^\]]+\]\(\w+\))/).map((piece) => {
    const found = TERM.exec(piece);
    return found
      ? term(
          found[1],
          glossary.find(({ name }) => name === found[2]),
        )
      : piece;
  });

/** @param {string} shown @param {Answers["read_path"]["glossary"][number]} meaning */
function term(shown, { title, says }) {
  const node = el("span", { class: "gb-term", tabindex: 0, role: "note", "aria-label": `${shown}: ${says}` }, shown);
  const show = () => {
    const box = node.getBoundingClientRect();
    tip.show(box.left - 16, box.bottom - 8, title, says);
  };
  for (const event of ["pointerenter", "focus", "click"]) node.addEventListener(event, show);
  for (const event of ["pointerleave", "blur"]) node.addEventListener(event, () => tip.hide());
  return node;
}
