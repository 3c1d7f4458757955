// What the line beneath the picture says of one head: the pair of tokens that is pointed at, or what a token looks
// at most.
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";

const place = (row, column) => (row * (row + 1)) / 2 + column;

/** A number with up to so many significant digits. */
export const digits = (x, count = 7) => String(Number(x.toPrecision(count))).replace("-", "−");

/** A token and its place. */
export const withPlace = (tokens, i) => `${visible(tokens[i].text)} (${i})`;

/** The token that `row` looks at most. */
export function most(pattern, row) {
  const weights = pattern.subarray(place(row, 0), place(row, row) + 1);
  return weights.reduce((top, w, i) => (w > weights[top] ? i : top), 0);
}

/** `exact`: the head's weights and scores, or null while they are on their way. `kept`: whether the cell is pinned. */
export function wordsOfHead(tokens, exact, { row, column }, kept) {
  if (!exact) return "Reading the exact weights …";
  const looks = withPlace(tokens, row);
  if (row === 0 && column === null) return `${looks} comes first and can only look at itself.`;
  if (column === null) {
    const best = most(exact.pattern, row);
    return `${looks} looks most at ${withPlace(tokens, best)}: ${format.number(exact.pattern[place(row, best)])} of its attention.`;
  }
  const weight = exact.pattern[place(row, column)],
    percent = weight >= 0.001 ? ` (${format.probability(weight)})` : "";
  return (
    `${looks} looks at ${withPlace(tokens, column)}: weight ${digits(weight)}${percent}, ` +
    `score before softmax ${digits(exact.scores[place(row, column)])}.${kept ? " Kept; Esc lets go." : ""}`
  );
}
