// What is said while heads grow: what the newest token looks at, how much was written, and why it ends.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";

const whole = format.whole;

/** A byte of a row as a weight. @param {number} byte */
export const weightOf = (byte) => (byte / 255) ** 2;

/**
 * What the newest token looks at most.
 * @param {any} growth growingHeads
 * @param {any} now its reading that is on the screen
 * @param {Uint8Array} row of the newest token in the chosen head
 */
export function lookedAt(growth, now, row) {
  const best = row.reduce((top, byte, i) => (byte > row[top] ? i : top), 0);
  const [from, to] = [now.end - 1, now.first + best].map((i) => visible(growth.tokens[i].text));
  return `${from} looks most at ${to} (${best}): about ${format.probability(weightOf(row[best]))} of its attention.`;
}

/**
 * How much was written, and how much of it is in view.
 * @param {any} growth growingHeads
 * @param {any} now its reading that is on the screen
 */
export function countWords(growth, now) {
  const written = now.end - growth.prompt;
  return [
    el("b", {}, whole(written)),
    ` new token${written === 1 ? "" : "s"}`,
    el("span", { class: "gb-soft" }, ` · ${whole(now.reads)} of ${whole(growth.room)} in view`),
  ];
}

/**
 * What the model no longer sees, and why nothing more comes.
 * @param {any} growth growingHeads
 * @param {any} now its reading that is on the screen
 * @param {string | null} ended why, if this is the last reading
 */
export function growthNotes(growth, now, ended) {
  const ends = {
    end_of_text: "Here the model ended its text.",
    full: `The picture holds ${whole(growth.room)} tokens and is full; start over, or write on in Generate.`,
    limit: "That is as long as a text gets here; start over.",
  };
  const unseen = now.anew
    ? `The context was full. Learned positions can't slide, so the model began anew with its last ${whole(now.reads)} tokens.`
    : now.first > 0
      ? `The model no longer sees the first ${whole(now.first)} tokens.`
      : "";
  return [unseen, ends[ended] ?? ""].filter(Boolean).join(" ");
}
