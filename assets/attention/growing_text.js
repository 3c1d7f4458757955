// The text that grows: a chip a token, the newest in amber, the others shaded by its row in the chosen head.
import { cssRgb, palette } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { visible } from "../shared/tokens/visible.js";

const spoken = (token) => visible(token.text).replace(/·/g, (dot, k) => (token.text[k] === " " ? " " : dot));

/**
 * @param {HTMLElement} box
 * @param {any} growth growingHeads
 * @param {any} now its reading that is on the screen
 * @param {ArrayLike<number>} row what the newest token's row of the chosen head holds, a byte a weight
 */
export function drawGrowingText(box, growth, now, row) {
  while (box.childElementCount < growth.tokens.length) {
    const i = box.childElementCount,
      token = growth.tokens[i];
    const chip = el("span", { class: `gb-token ${i < growth.prompt ? "gb-grown-prompt" : ""}` }, spoken(token));
    chip.classList.toggle("gb-ends-line", token.text.includes("\n"));
    box.append(chip);
  }
  const map = palette("sequential"),
    chips = /** @type {HTMLElement[]} */ ([...box.children]);
  chips.forEach((chip, i) => {
    const seen = i >= now.first && i < now.end - 1,
      [r, g, b] = seen ? map[row[i - now.first]] : [0, 0, 0];
    chip.hidden = i >= now.end;
    chip.classList.toggle("gb-new", i === now.end - 1);
    chip.classList.toggle("gb-unread", i < now.first);
    chip.style.backgroundColor = seen ? cssRgb([r, g, b]) : "";
    chip.style.color = seen ? (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#16191f" : "#ffffff") : "";
  });
  const { offsetTop, offsetHeight } = chips[now.end - 1];
  if (offsetTop + offsetHeight > box.scrollTop + box.clientHeight || offsetTop < box.scrollTop)
    box.scrollTop = offsetTop - box.clientHeight + 2 * offsetHeight;
}
