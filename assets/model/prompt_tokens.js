// The prompt as tokens, of which one is followed.
import { el } from "../shared/elements.js";
import { roving } from "../shared/roving.js";
import { visible } from "../shared/tokens/visible.js";

/**
 * @param {HTMLElement} box
 * @param {(position: number) => void} onPick
 */
export const promptTokens = (box, onPick) => {
  let shown = "";
  box.dir = "auto"; // from right to left where the prompt reads so
  box.addEventListener("click", (event) => {
    const node = /** @type {HTMLElement} */ (event.target).closest("[data-at]");
    if (node instanceof HTMLElement) onPick(Number(node.dataset.at));
  });

  const settle = roving(box, "[data-at]", {
    chosen: ".gb-followed",
    onPick: (node) => onPick(Number(node.dataset.at)),
  });

  /**
   * @param {{ id: number, text: string }[]} tokens
   * @param {number} position
   */
  return (tokens, position) => {
    const text = JSON.stringify(tokens);
    if (text !== shown) {
      shown = text;
      box.replaceChildren(
        ...tokens.map((token, i) =>
          el(
            "span",
            { class: "gb-token", role: "button", data: { at: i }, title: `token ${i}, id ${token.id}` },
            visible(token.text),
          ),
        ),
      );
    }
    box.querySelectorAll("[data-at]").forEach((node, i) => {
      node.classList.toggle("gb-followed", i === position);
      node.classList.toggle("gb-later", i > position);
      node.setAttribute("aria-pressed", String(i === position));
    });
    settle();
    const node = /** @type {HTMLElement} */ (box.children[position]);
    box.scrollTop = Math.max(
      node.offsetTop + node.offsetHeight + 4 - box.clientHeight,
      Math.min(box.scrollTop, node.offsetTop - 4),
    );
  };
};
