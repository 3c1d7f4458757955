// Keys lead through the heads, the tokens that look, and the cells.
import { on } from "../shared/events.js";
import { focus } from "./focus.js";

const STEPS = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ",": [-1, 0],
  ".": [1, 0],
};
const within = (i, count) => Math.max(0, Math.min(count - 1, i));

/**
 * The head that a key leads to, or null: arrows go through layers and heads, Space through all, one after the other.
 * @param {KeyboardEvent} event
 * @param {[number, number]} at
 * @param {number} layers
 * @param {number} heads
 * @returns {[number, number] | null}
 */
export function headStep(event, [layer, head], layers, heads) {
  const button = ".gb-panel :is(button, summary, a):not([role=tab], [data-view])"; // Space presses it
  if (event.key === " " && !(event.target instanceof Element && event.target.closest(button))) {
    const all = layers * heads,
      next = (layer * heads + head + (event.shiftKey ? all - 1 : 1)) % all;
    return [Math.floor(next / heads), next % heads];
  }
  if (!event.key.startsWith("Arrow") || event.shiftKey) return null;
  const [down, right] = STEPS[event.key];
  return [within(layer + down, layers), within(head + right, heads)];
}

/** `where()`: { at: [layer, head], layers, heads, count } of what is on the screen, or null; release() lets a cell go. */
export const walkHeads = (where, release) =>
  on("key", (event) => {
    const here = where();
    if (!here) return;
    const { at, layers, heads, count } = here;
    if (event.key === "Escape" && focus.cell()) release();
    const head = headStep(event, at, layers, heads);
    if (head) {
      event.preventDefault();
      focus.set({ head });
      return;
    }
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const { row, column } = focus.cell() ?? { row: count - 1, column: null };
    if (event.shiftKey) {
      // through the cells
      const down = within(row + step[0], count);
      focus.set({ cell: { row: down, column: within((column ?? down + 1) + step[1], down + 1) } });
    } else {
      // through the tokens that look
      const next = focus.cell() ? within(row + step[0], count) : row;
      focus.set({ cell: { row: next, column: column === null ? null : Math.min(column, next) } });
    }
  });
