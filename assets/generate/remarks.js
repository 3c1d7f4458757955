// What is to be said of a written text beside its tokens: how it ended, and what the model does not see of it.
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";

let seen = {}; // a slider asks again and again about the same text
function broken(tokens, vocabulary) {
  if (seen.tokens !== tokens || seen.count !== tokens.length || seen.vocabulary !== vocabulary) {
    const text = vocabulary.text(tokens.map(({ id }) => id));
    seen = { tokens, count: tokens.length, vocabulary, broken: text.includes("\ufffd") };
  }
  return seen.broken;
}

/** Which weights wrote: worth saying only where the rounded ones did, or should have. */
function weightsOf(tokens) {
  const drawn = tokens.filter(({ forced }) => !forced),
    fast = drawn.filter(({ settings }) => settings.weights === "int8").length;
  if (fast === 0)
    return drawn.some(({ late }) => late) ? "The exact weights wrote this: the 8-bit ones were still being made." : "";
  if (fast === drawn.length) return "8-bit weights wrote this; the odds shown are exact.";
  return `8-bit weights wrote ${format.whole(fast)} of the ${format.whole(drawn.length)} drawn tokens, the exact ones the rest.`;
}

/**
 * Sentences on what was written.
 * @param {{ prompt: string }} place
 * @param {any} at the position after the tokens (readPosition)
 * @param {any[]} tokens
 * @param {number} most how many there may be
 */
export const remarksOn = (place, at, tokens, most) => {
  const total = at.promptIds.length + tokens.length,
    notes = [],
    { whole } = format;
  const last = tokens.at(-1),
    { vocabulary } = at;
  if (last && last.id === vocabulary.eot) notes.push("The model ended its text. Writing on starts a new one.");
  if (last?.stopped) notes.push(`Stopped at “${visible(last.stopped.stop)}”, which is no part of the result.`);
  if (broken(tokens, vocabulary))
    notes.push("Some bytes make no character, or not yet: they show as � or by their numbers.");
  if (place.prompt === "") {
    notes.push(`The prompt is empty, so the model reads ${vocabulary.label(at.promptIds[0])} instead.`);
  }
  if (at.reads < total) {
    notes.push(
      `The model reads the last ${whole(at.reads)} of ${whole(total)} tokens; its context holds ${whole(at.nCtx)}.`,
    );
  }
  if (tokens.length >= most) notes.push(`This stops at ${whole(most)} tokens; keep them as the prompt to write on.`);
  const wrote = weightsOf(tokens);
  if (wrote) notes.push(wrote);
  return notes.join(" ");
};
