// The next token as a short list of bars. Bars are drawn relative to the first one; the percentages say how much that is.
import { el } from "./elements.js";
import { format } from "./format.js";
import { visible } from "./tokens/visible.js";

/**
 * @param {HTMLElement} box
 * @param {{ text: string, p: number }[]} rows tokens and their probabilities, likeliest first
 */
export const nextTokenBars = (box, rows) => {
  const most = Math.max(...rows.map((row) => row.p));
  box.replaceChildren(
    el(
      "ol",
      { class: "gb-next" },
      ...rows.map(({ text, p }) =>
        el(
          "li",
          { title: `probability ${p.toPrecision(4)}` },
          el("span", { class: "gb-next-token" }, visible(text)),
          el(
            "span",
            { class: "gb-next-bar", "aria-hidden": "true" },
            el("i", { style: `width: ${(100 * p) / most}%` }),
          ),
          el("span", { class: "gb-next-p" }, format.probability(p)),
        ),
      ),
    ),
  );
};
