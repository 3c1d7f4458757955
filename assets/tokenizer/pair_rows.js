// The most frequent pairs of a text in training, a row each.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { calm } from "../shared/motion.js";
import * as chips from "../shared/tokens/chip.js";

/** @import { Part } from "../shared/tokens/chip.js" */

/** @param {HTMLElement} box */
export const pairRows = (box) => {
  let pairNodes = new Map();

  /**
   * Rows glide to their new places, unless the merges come too fast; the amber one merges next.
   * @param {[left: number, right: number, count: number, leftParts: Part[], rightParts: Part[]][]} pairs
   * @param {boolean} fast
   */
  function draw(pairs, fast) {
    const most = pairs[0]?.[2] ?? 1,
      tops = new Map([...pairNodes].map(([key, node]) => [key, node.offsetTop]));
    const rows = pairs.map(([left, right, count, leftParts, rightParts], i) => {
      const key = `${left},${right}`,
        row =
          pairNodes.get(key) ??
          el(
            "div",
            { class: "gb-tk-pair" },
            el("span", { class: "gb-tk-both" }, chips.chip(left, leftParts), chips.chip(right, rightParts)),
            el("i"),
            el("b"),
          );
      row.classList.toggle("gb-tk-first", i === 0);
      row.querySelector("i").style.width = `${((100 * count) / most).toFixed(1)}%`;
      row.querySelector("b").textContent = format.whole(count);
      return /** @type {const} */ ([key, row]);
    });
    pairNodes = new Map(rows);
    box.replaceChildren(...pairNodes.values());
    if (!pairs.length) box.append(el("p", { class: "gb-soft" }, "No pair is left that occurs twice."));
    if (calm() || fast) return;
    for (const [key, row] of pairNodes) {
      const from = tops.get(key),
        by = from === undefined ? 12 : from - row.offsetTop;
      const before = { transform: `translateY(${by}px)`, opacity: from === undefined ? 0 : 1 };
      if (by) row.animate([before, { transform: "none", opacity: 1 }], { duration: 220, easing: "ease-out" });
    }
  }

  function clear() {
    pairNodes = new Map();
    box.replaceChildren();
  }

  return { draw, clear };
};
