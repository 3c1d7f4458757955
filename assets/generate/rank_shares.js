// How many tokens the model held more likely than the one that came: the classes of ranks, their shades and their bar.
import { cssRgb, palette } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";

/** @type {[most: number, name: string][]} */
const RANKS = [
  [1, "the likeliest"],
  [10, "2 to 10"],
  [100, "11 to 100"],
  [1000, "101 to 1 000"],
  [Infinity, "beyond"],
];
const DARKEST = 0.7; // of the map, so that letters on it stay easy to read
const classOf = (rank) => RANKS.findIndex(([most]) => rank <= most);
const shadeOf = (i) => (DARKEST * i) / (RANKS.length - 1);

/** Where the shade of a rank stands in the map, from 0 to 1. @param {number} rank */
export const rankShade = (rank) => shadeOf(classOf(rank));

/**
 * @param {HTMLElement} box
 * @param {number[]} ranks of all tokens
 */
export function drawRankShares(box, ranks) {
  const counts = RANKS.map(() => 0);
  for (const rank of ranks) counts[classOf(rank)] += 1;
  const swatch = (i) => `background: ${cssRgb(palette("sequential")[Math.round(255 * shadeOf(i))])}`;
  const label = RANKS.map(([, name], i) => `${name}: ${counts[i]}`).join(", ");
  box.replaceChildren(
    el("h3", { class: "gb-heading" }, "Ranks: how many tokens the model held more likely than the one that came"),
    el(
      "div",
      { class: "gb-rank-bar", role: "img", "aria-label": label },
      ...counts.map((count, i) => el("i", { style: `${swatch(i)}; flex: ${count}` })),
    ),
    el(
      "div",
      { class: "gb-rank-keys gb-small gb-soft" },
      ...RANKS.map(([, name], i) =>
        el("span", {}, el("i", { style: swatch(i) }), `${name}: ${format.whole(counts[i])}`),
      ),
    ),
  );
}
