// What a step of learning says of the part of the model, or of the token, that is pointed at.
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";
import { times } from "./step_curve.js";
import { operationName } from "./step_parts.js";
import { many, small } from "./step_words.js";

/**
 * @typedef {{ lines: string[], said: string }} Hint of a tooltip, and in one sentence
 */

/**
 * @param {string} key of the part, or "stream." and the layer it is written to
 * @param {any} shown the answer, its arrays unpacked
 * @param {number} factor which of them
 * @returns {Hint}
 */
export function partHint(key, shown, factor) {
  if (key.startsWith("stream.")) {
    const layer = Number(key.slice(7));
    const where = layer ? `stream after block ${layer - 1}` : "stream of the embeddings";
    return { lines: [where, "its gradient shades the text"], said: "" };
  }
  const one = shown.parts.find((other) => other.key === key),
    update = one.update * shown.factors[factor],
    ratio = small(update / one.weight || 0),
    gradient = format.number(one.gradient);
  return {
    lines: [
      operationName(key),
      `${many(one.parameters, "parameter")}, size ${format.number(one.weight)}`,
      `gradient ${gradient}`,
      `update ${small(update)}, ${ratio} of its size`,
    ],
    said: `${operationName(key)}: gradient ${gradient}, update ${ratio} of its size`,
  };
}

/**
 * @param {number} i the token's place
 * @param {any} shown the answer, its arrays unpacked
 * @param {number} factor which of them
 * @returns {Hint}
 */
export function tokenHint(i, shown, factor) {
  const text = visible(shown.tokens[i].text),
    t = i - 1;
  if (t < 0)
    return {
      lines: [text, "the first token: nothing comes before it"],
      said: `${text} (0): the first token, nothing comes before it`,
    };
  const told = (f) => {
    const best = visible(shown.texts[shown.best[f][t]]),
      odds = format.probability(Math.exp(-shown.losses[f][t]));
    return `${odds}, ${format.number(shown.losses[f][t])} nats; likeliest ${best} ${format.probability(shown.odds[f][t])}`;
  };
  const before = `before: ${told(0)}`;
  return {
    lines: [text, before, `at ${times(shown.factors[factor])}: ${told(factor)}`],
    said: `${text} (${i}), ${before}`,
  };
}
