// The steps of a walk, in the order of the forward pass, from what the server says of the model's operations.

/**
 * @typedef {import("../answers.js").Answers["read_architecture"]} Architecture
 * @typedef {Architecture["operations"][number]} Operation
 * @typedef {{ key: string, layer: number | null, operation: Operation }} Step
 */

/**
 * @param {Architecture} model
 * @returns {Step[]}
 */
export function stepsOf(model) {
  const of = (where, layer) =>
    model.operations
      .filter((operation) => operation.where === where)
      .map((operation) => ({ key: layer === null ? operation.key : `h.${layer}.${operation.key}`, layer, operation }));
  const blocks = Array.from({ length: model.layers }, (_, layer) => of("block", layer));
  return [...of("before", null), ...blocks.flat(), ...of("after", null)];
}

/**
 * The same step of the block that is `by` away, or where the walk leaves the blocks.
 * @param {Step[]} steps
 * @param {number} at
 * @param {number} by 1 or -1
 */
export function ofNextBlock(steps, at, by) {
  const { layer, operation } = steps[at];
  if (layer === null) return Math.max(0, Math.min(steps.length - 1, at + by));
  const same = steps.findIndex((one) => one.layer === layer + by && one.operation.key === operation.key);
  if (same >= 0) return same;
  const outside =
    by > 0 ? steps.findLastIndex((one) => one.layer === layer) + 1 : steps.findIndex((one) => one.layer === 0) - 1;
  return Math.max(0, Math.min(steps.length - 1, outside));
}

/**
 * A shape's letters as numbers: "H T D" becomes "6 × 22 × 32".
 * @param {string} letters
 * @param {Record<string, number>} sizes
 * @param {number} tokens
 */
export const shapeOf = (letters, sizes, tokens) =>
  letters
    .split(" ")
    .map((letter) => (letter === "T" ? tokens : (sizes[letter] ?? letter)))
    .join(" × ");
