// A step's formula, and the same with the numbers of the cell that is looked at.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";

/**
 * @typedef {{ name: string, title: string, role: string, axis: string, values: Float32Array }} Row
 * @typedef {{ largest: [number, number, number][], rest: number, others: number, bias: number | null }} Terms
 * @typedef {{ formula: string, numbers: string, rows: Row[], constants: Record<string, number>, unseen: Record<string, Float32Array>, tokens: { text: string }[] }} Sums
 */

/** In a product or a sum a negative number stands in brackets. */
const factor = (x) => (x < 0 ? `(${format.number(x)})` : format.number(x));

/** @param {Terms} terms */
function spelt({ largest, rest, others, bias }) {
  const products = largest.map(([, a, b]) => `${factor(a)} · ${factor(b)}`).join(" + ");
  const more = others ? ` + [${format.whole(others)} more: ${format.number(rest)}]` : "";
  return `${products}${more}${bias === null ? "" : ` + ${factor(bias)}`}`;
}

/**
 * @param {HTMLElement} box
 * @param {Sums} step
 * @param {number} row
 */
export const drawFormula = (box, step, row) =>
  box.replaceChildren(step.formula.replace("{row}", step.rows[row]?.name ?? ""));

/**
 * @param {HTMLElement} box
 * @param {Sums} step
 * @param {[row: number, cell: number]} cell
 * @param {Terms | null} terms of that cell, where it is a sum of products
 */
export function drawNumbers(box, step, [row, cell], terms) {
  const parts = step.numbers.split(/\{(\w+)\}/);
  box.replaceChildren(
    ...parts.map((part, i) => {
      if (i % 2 === 0) return part;
      if (part === "terms") return terms ? spelt(terms) : "…";
      if (part === "i") return String(cell);
      if (part === "name") return visible(step.tokens[cell].text);
      const read = part === "out" ? step.rows[row] : step.rows.find((one) => one.name === part);
      if (read) return el("b", { data: { role: read.role } }, number(read.values[cell], parts[i - 1]));
      const value = part in step.constants ? step.constants[part] : step.unseen[part]?.[cell];
      return Number.isInteger(value) && part !== "eps" ? format.whole(value) : number(value, parts[i - 1]);
    }),
  );
}

/** After an operation's sign a negative number stands in brackets. */
const number = (x, before) => (/[·+−]\s*$/.test(before) ? factor(x) : format.number(x));
