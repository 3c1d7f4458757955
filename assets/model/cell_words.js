// What a cell of a step says of itself: its place and its value in full.
import { visible } from "../shared/tokens/visible.js";

/** @import { Drawn, Place } from "./cell_sheet.js" */

export const inFull = (x) => (x === -Infinity ? "−∞" : String(Number(x.toPrecision(6))).replace("-", "−"));

/**
 * @param {Drawn} step
 * @param {Place} place
 * @returns {[where: string, value: string]}
 */
export function cellWords({ rows, matrix, tokens, named }, place) {
  if ("down" in place) {
    const { across, down } = place;
    return [
      `${visible(tokens[down].text)} (${down}) and ${visible(tokens[across].text)} (${across})`,
      inFull(matrix[down * tokens.length + across]),
    ];
  }
  const row = rows[place.row],
    of = row.axis === "T" ? tokens : row.axis === "V" ? named : null;
  return [
    of ? `${visible(of[place.cell].text)}${row.axis === "T" ? ` (${place.cell})` : ""}` : `${row.name}[${place.cell}]`,
    `${row.title}: ${inFull(row.values[place.cell])}`,
  ];
}
