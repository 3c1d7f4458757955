// How far two heads are apart, token by token: the text, each token shaded by how much of its attention goes elsewhere
// in the other. It takes the room that the squares leave; where that is less than two lines, it is not there.
import { roving } from "../shared/roving.js";
import { running, shade, strip } from "../shared/shades.js";

/** @import { Cell } from "./focus.js" */

const LEAST = 88; // CSS pixels, at the desk's size of letters

/**
 * Of each row, how much of its attention one pattern has elsewhere than the other.
 * @param {ArrayLike<number>} p lower triangle, row by row
 * @param {ArrayLike<number>} q the same of the other
 * @param {number} T tokens
 */
export function movedByRow(p, q, T) {
  const moved = new Array(T).fill(0);
  for (let row = 0, k = 0; row < T; row += 1)
    for (let column = 0; column <= row; column += 1, k += 1) moved[row] += Math.abs(p[k] - q[k]) / 2;
  return moved;
}

/**
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(cell: Cell | null) => void} acts.onHover
 * @param {(cell: Cell) => void} acts.onPick
 */
export function apartText(box, { onHover, onPick }) {
  const part = (id) => /** @type {HTMLElement} */ (box.querySelector(`[data-id=${id}]`)),
    text = part("apart-text"),
    cellOf = (node) => ({ row: Number(node.dataset.at), column: null });
  const tokenUnder = (event) => /** @type {HTMLElement} */ (event.target).closest(".gb-token");
  text.addEventListener("pointerover", (event) => {
    if (tokenUnder(event)) onHover(cellOf(tokenUnder(event)));
  });
  text.addEventListener("pointerleave", () => onHover(null));
  text.addEventListener("click", (event) => {
    if (tokenUnder(event)) onPick(cellOf(tokenUnder(event)));
  });
  const settle = roving(text, ".gb-token", {
    onLook: (node) => onHover(cellOf(node)),
    onLeave: () => onHover(null),
    onPick: (node) => onPick(cellOf(node)),
  });

  return {
    /**
     * @param {{ text: string }[]} tokens
     * @param {number[]} moved by token, from 0 to 1
     * @param {number} scale of letters
     */
    draw(tokens, moved, scale) {
      text.replaceChildren(...running(tokens));
      for (const node of /** @type {NodeListOf<HTMLElement>} */ (text.querySelectorAll(".gb-token")))
        shade(node, "sequential", moved[Number(node.dataset.at)]);
      settle();
      strip(part("apart-legend"), "sequential", [
        [0, "0 %"],
        [0.5, "50 %"],
        [1, "100 %"],
      ]);
      box.hidden = false;
      box.hidden = box.clientHeight < LEAST * scale;
    },
    point(row) {
      for (const node of /** @type {NodeListOf<HTMLElement>} */ (text.querySelectorAll(".gb-token")))
        node.classList.toggle("gb-looks", Number(node.dataset.at) === row);
    },
    hide() {
      box.hidden = true;
    },
  };
}
