// What a step of learning says: the sentence and the caption of each phase, and what its text is shaded by.
import { format } from "../shared/format.js";
import { times } from "./step_curve.js";

/**
 * @typedef {object} Shown of what the server answers
 * @property {Float32Array[]} losses of each prediction, by factor
 * @property {Float32Array[]} stream the gradient's size at each token, by layer
 * @property {number[]} means of the losses, by factor
 * @property {number[]} factors
 * @property {number} rate
 * @property {number} gradient
 * @property {number} clipped
 * @property {string} optimizer
 * @property {boolean} remembered
 * @property {number} step
 * @property {{ any: number, read: number, all: number, tied: boolean }} rows
 */

export const small = (x) => (x === 0 ? "0" : x >= 0.01 ? format.number(x) : x.toExponential(1).replace("e-", "e−"));
export const many = (n, one) => `${format.whole(n)} ${one}${n === 1 ? "" : "s"}`;
const signed = (x) => `${x > 0 ? "+" : ""}${format.number(x)}`;

/**
 * What the text is shaded by in a phase. `shift`: which of the values stands at token 1, as a count before it.
 * @param {Shown} shown @param {number} phase @param {number} factor which of them @param {number} layer whose stream
 * @returns {{ values: Float32Array | number[], shift: number, map: import("../shared/colour.js").MapName,
 *   place: (x: number) => number, unit: string, ticks: [place: number, name: string][] }}
 */
export function shading(shown, phase, factor, layer) {
  const before = shown.losses[0],
    dearest = Math.max(1, ...before);
  if (phase === 1) {
    const flow = shown.stream[layer],
      most = Math.max(...flow) || 1;
    return {
      values: flow,
      shift: 0, // the gradient stands where its token was read
      map: "sequential",
      place: (x) => x / most,
      unit: `gradient in the stream ${layer ? `after block ${layer - 1}` : "at the embeddings"}`,
      ticks: [0, 0.5, 1].map((x) => [x, format.number(x * most)]),
    };
  }
  if (phase === 3) {
    const after = shown.losses[factor],
      change = before.map((x, i) => after[i] - x),
      most = Math.max(0.1, ...change.map((x) => Math.abs(x) || 0));
    return {
      values: change,
      shift: 1,
      map: "diverging",
      place: (x) => 0.5 + 0.5 * Math.sign(x) * Math.sqrt(Math.abs(x) / most),
      unit: "change of the loss, nats",
      ticks: [-1, 0, 1].map((x) => [0.5 + 0.5 * Math.sign(x) * Math.sqrt(Math.abs(x)), signed(x * most)]),
    };
  }
  return {
    values: before,
    shift: 1,
    map: "surprise",
    place: (x) => x / dearest,
    unit: "loss of each token, nats",
    ticks: [0, 0.5, 1].map((x) => [x, format.number(x * dearest)]),
  };
}

/** The sentence above the text. @param {Shown} shown @param {number} phase @param {number} factor which of them */
export function says(shown, phase, factor) {
  const { rows, gradient, clipped, optimizer, remembered, step, losses } = shown,
    T = losses[0].length;
  switch (phase) {
    case 0:
      return `Each of these ${many(T, "token")} is predicted from those before it. The darker, the more nats the truth cost.`;
    case 1: {
      const cut = clipped < gradient ? `, cut down to ${format.number(clipped)}` : "";
      const through = rows.tied
        ? `${rows.read} because they were read, the rest through the tied head`
        : "only those that were read";
      return `The loss pulls at every weight, with a norm of ${format.number(gradient)} in all${cut}. Of ${format.whole(rows.all)} rows of the token embedding ${format.whole(rows.any)} get some: ${through}.`;
    }
    case 2: {
      const from = remembered ? `with what it remembers of ${many(step, "update")}` : "which begins anew";
      return `${optimizer}, ${from}, turns the gradient into an update. At this learning rate each part moves by a small share of its size.`;
    }
    default: {
      const after = losses[factor];
      const fell = after.filter((x, i) => x < losses[0][i]).length,
        rose = after.filter((x, i) => x > losses[0][i]).length;
      return `The same text, read again: ${fell} of ${T} losses fell (blue), ${rose} rose (orange). Then the step is undone.`;
    }
  }
}

/** In a room this is the only line beside the picture. @param {Shown} shown @param {number} phase @param {number} at which factor */
export function caption(shown, phase, at) {
  const rate = `learning rate ${small(shown.rate * shown.factors[at])} (${times(shown.factors[at])})`,
    before = `mean loss ${format.number(shown.means[0])} nats`;
  if (phase === 0)
    return `${before[0].toUpperCase()}${before.slice(1)} over ${many(shown.losses[0].length, "prediction")}`;
  if (phase === 1) return `Norm of the gradient: ${format.number(shown.gradient)}`;
  if (phase === 2) return `One update of ${shown.optimizer}, learning rate ${small(shown.rate)}`;
  return `${before[0].toUpperCase()}${before.slice(1)} → ${format.number(shown.means[at])} at ${rate}`;
}
