// The figures of a text, or of a part of it, beside those of another model.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { byteEdges, textFigures } from "./reading_text.js";

/** @type {[name: string, value: (figures: any) => string][]} */
const LINES = [
  ["Perplexity", (f) => format.number(f.perplexity)],
  ["Bits per byte", (f) => (f.perByte === null ? "unknown" : format.number(f.perByte))],
  ["Nats a token", (f) => format.number(f.loss)],
  ["The likeliest came", (f) => format.probability(f.firsts)],
  ["Tokens scored", (f) => format.whole(f.count)],
];

/** The other model's figures of its tokens between the same bytes. */
function rivalFigures(reading, other, from, to) {
  const edges = byteEdges(reading),
    theirs = byteEdges(other),
    inside = (i) => theirs[i] >= edges[from] && theirs[i + 1] <= edges[to];
  const all = other.ids.map((_, i) => i).filter(inside);
  return all.length ? textFigures(other, all[0], all.at(-1) + 1) : null;
}

/**
 * @param {HTMLElement} table
 * @param {any} reading what readText answered
 * @param {any} other the same of another model, or null
 * @param {number} from the first token
 * @param {number} to behind the last one
 */
export function surpriseTable(table, reading, other, from, to) {
  const figures = textFigures(reading, from, to);
  table.hidden = !figures;
  if (!figures) return;
  const rivals = other && rivalFigures(reading, other, from, to);
  const head = el("thead", {}, el("tr", {}, el("th", {}), el("th", {}, "this"), el("th", {}, "other")));
  table.replaceChildren(
    ...(other ? [head] : []),
    el(
      "tbody",
      {},
      ...LINES.map(([name, value]) =>
        el(
          "tr",
          {},
          el("th", { scope: "row" }, name),
          el("td", {}, value(figures)),
          other ? el("td", {}, rivals ? value(rivals) : "–") : null,
        ),
      ),
    ),
  );
}
