// The cells of a canvas by keys: arrows from cell to cell and from line to line; Enter chooses.
import { stepTo } from "../shared/roving.js";

/** @import { Place } from "./cell_sheet.js" */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {() => Map<string, number[]>} framesOf where each cell is: "row.cell" -> left, top, width, height
 * @param {object} acts what the pointer does too; the view says what is read
 * @param {(place: Place | null, at: { clientX: number, clientY: number }) => void} acts.onHover
 * @param {(place: Place) => void} acts.onPick
 * @returns {(name: string | null) => void} call it when the cells are others: where the keys begin
 */
export function cellKeys(canvas, framesOf, { onHover, onPick }) {
  let walked = null; // the cell that the keys are at, as in frames
  const placeOf = (name) => {
    const [row, cell] = name.split(".").map(Number);
    return { row, cell };
  };

  function read() {
    const frame = framesOf().get(walked),
      { left, top } = canvas.getBoundingClientRect();
    if (frame) onHover(placeOf(walked), { clientX: left + frame[0], clientY: top + frame[1] + frame[3] });
  }
  canvas.addEventListener("focus", () => {
    const frames = framesOf();
    if (!frames.has(walked)) walked = frames.keys().next().value ?? null;
    read();
  });
  canvas.addEventListener("blur", () => onHover(null, { clientX: 0, clientY: 0 }));
  canvas.addEventListener("keydown", (event) => {
    const frames = framesOf(),
      names = [...frames.keys()];
    if (event.ctrlKey || event.metaKey || event.altKey || !frames.has(walked)) return;
    const to = stepTo(event.key, names.indexOf(walked), names.length, (i) => {
      const [left, top, width, height] = frames.get(names[i]);
      return { left, top, width, height };
    });
    if (to === null && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault(); // arrows are its own from here on
    if (to === null) onPick(placeOf(walked));
    else walked = names[to];
    read();
  });
  canvas.addEventListener("mousedown", (event) => event.preventDefault()); // a pointer leaves the arrows to the steps
  return (name) => {
    walked = name;
  };
}
