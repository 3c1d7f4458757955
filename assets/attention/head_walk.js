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

/** `where()`: { at: [layer, head], layers, heads, count } of what is on the screen, or null; release() lets a cell go. */
export const walkHeads = (where, release) =>
  on("key", (event) => {
    const here = where();
    if (!here) return;
    const { at, layers, heads, count } = here;
    if (event.key === "Escape" && focus.cell()) release();
    if (
      event.key === " " &&
      !event.target.closest?.(".gb-panel :is(button, summary, a):not([role=tab], [data-view])")
    ) {
      // through all heads, one after the other
      event.preventDefault();
      const all = layers * heads,
        next = (at[0] * heads + at[1] + (event.shiftKey ? all - 1 : 1)) % all;
      focus.set({ head: [Math.floor(next / heads), next % heads] });
    }
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const { row, column } = focus.cell() ?? { row: count - 1, column: null };
    if (event.shiftKey) {
      // through the cells
      const down = within(row + step[0], count);
      focus.set({ cell: { row: down, column: within((column ?? down + 1) + step[1], down + 1) } });
    } else if (event.key.startsWith("Arrow")) {
      focus.set({ head: [within(at[0] + step[0], layers), within(at[1] + step[1], heads)] });
    } else {
      // through the tokens that look
      const next = focus.cell() ? within(row + step[0], count) : row;
      focus.set({ cell: { row: next, column: column === null ? null : Math.min(column, next) } });
    }
  });
