// A passage whose tokens become fewer: the sample of a text in training. It applies each merge itself.
import { el } from "../shared/elements.js";
import * as tokenChip from "../shared/tokens/chip.js";

/** @import { Part } from "../shared/tokens/chip.js" */

/**
 * The passage in `box`.
 * @param {HTMLElement} box
 * @param {Part[][]} tokens the readable parts of each id; it grows with the training
 */
export const tokenCollapse = (box, tokens) => {
  let pieces = [],
    chips = [],
    fresh = null;

  const endsLine = (id) => tokens[id][tokens[id].length - 1]?.text?.endsWith("\n");

  /** Put the passage on the page: pieces of byte ids. */
  function begin(sample) {
    pieces = sample;
    draw();
  }

  /** Apply merges [left, right, token]; one alone lights up what it made. */
  function apply(merges) {
    const touched = new Set();
    for (const [left, right, token] of merges) {
      pieces.forEach((piece, p) => {
        for (let i = 0; i + 1 < piece.length; i += 1) {
          if (piece[i] !== left || piece[i + 1] !== right) continue;
          piece.splice(i, 2, token);
          touched.add(p);
        }
      });
    }
    fresh = merges.length === 1 ? merges[0][2] : null;
    for (const node of box.querySelectorAll(".gb-tk-on")) node.classList.remove("gb-tk-on");
    for (const p of touched) redraw(p);
  }

  function built(piece) {
    return piece.flatMap((id, i) => {
      const node = tokenChip.chip(id, tokens[id], { more: id === fresh ? "gb-tk-on" : "" });
      if (i === piece.length - 1) node.classList.add("gb-tk-apart");
      return endsLine(id) ? [node, el("br")] : [node];
    });
  }

  function redraw(p) {
    const nodes = built(pieces[p]);
    chips[p][0].before(...nodes);
    for (const node of chips[p]) node.remove();
    chips[p] = nodes;
  }

  function draw() {
    chips = pieces.map(built);
    box.replaceChildren(...chips.flat());
  }

  return { begin, apply, draw, count: () => pieces.reduce((n, piece) => n + piece.length, 0) };
};
