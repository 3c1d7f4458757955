// Which head and which pair of tokens the views of this tab look at. It lives in the address alone:
// head=LAYER.HEAD, and cell=ROW.COLUMN (the token that looks, the one it looks at) or cell=ROW.
import { address } from "../shared/address.js";
import { emit } from "../shared/events.js";

/** @typedef {{ row: number, column: number | null }} Cell the token that looks, and the one it looks at; null: any */

const pair = (text) => (/^\d{1,4}\.\d{1,4}$/.test(text ?? "") ? text.split(".").map(Number) : null);
let tokens = null;

export const focus = {
  pair,

  /** [layer, head] that someone chose, or null. */
  head: () => pair(address.get("head")),

  /** { row, column } that is kept; column is null where only the row is; null where nothing is. */
  cell() {
    const text = address.get("cell"),
      [row, column] = pair(text) ?? pair(`${text}.0`) ?? [];
    return row === undefined || column > row ? null : { row, column: pair(text) ? column : null };
  },

  /**
   * Choose a head, a cell or both (null: none); every view of the tab hears of it.
   * @param {{ head?: [layer: number, head: number] | null, cell?: Cell | null }} choice
   */
  set({ head, cell }) {
    if (head !== undefined) address.set({ head: head?.join(".") });
    const named = cell && (cell.column === null ? cell.row : `${cell.row}.${cell.column}`);
    if (cell !== undefined) address.set({ cell: named });
    emit("focus");
  },

  /** The prompt has become these tokens: a cell of another text means nothing, and leaves the address. */
  follow(next) {
    const ids = next.map((token) => token.id).join(),
      other = tokens !== null && tokens !== ids;
    tokens = ids;
    const cell = this.cell();
    if (cell && (other || cell.row >= next.length)) address.set({ cell: null });
  },
};
