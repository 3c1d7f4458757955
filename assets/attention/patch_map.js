// The map of a patch: positions across, layers upwards or a layer's heads, each cell the share that patching it restores.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { roving } from "../shared/roving.js";
import { at } from "../shared/shades.js";
import { visible } from "../shared/tokens/visible.js";

const LIT = 1e-3; // of the stream's size: what moves less is not drawn as moved

/** Where a share lies on the diverging map: 0 in its middle, 1 at its end. @param {number} share */
export const placeOf = (share) => 0.5 + 0.5 * Math.max(-1, Math.min(1, share));

/**
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(cell: { row: number, positions: number[] }) => void} acts.onPick a click, or a stroke along a row
 * @param {(row: number | null, position: number, at: { clientX: number, clientY: number }) => void} acts.onHover
 */
export const patchMap = (box, { onPick, onHover }) => {
  let stroke = null,
    kept = null, // the cells that are chosen
    shown = ""; // the same, as they were last drawn
  /** @param {HTMLElement} node */
  const cellOf = ({ dataset }) => ({ row: Number(dataset.row), position: Number(dataset.position) });
  const place = (event) => {
    const node = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-row]"));
    return node && cellOf(node);
  };
  const settle = roving(box, "[data-row]", {
    chosen: ".gb-kept",
    onLook(node, at) {
      const { row, position } = cellOf(node);
      onHover(row, position, at);
    },
    onLeave: () => onHover(null, 0, { clientX: 0, clientY: 0 }),
    onPick(node, { shiftKey }) {
      const { row, position } = cellOf(node);
      const more = shiftKey && kept?.row === row ? kept.positions.filter((p) => p !== position) : [];
      onPick({ row, positions: [...more, position] });
    },
  });
  box.addEventListener("pointerdown", (event) => {
    const cell = place(event);
    if (!cell || event.button !== 0) return;
    stroke = { row: cell.row, positions: [cell.position] };
  });
  box.addEventListener("pointerover", (event) => {
    const cell = place(event);
    onHover(cell ? cell.row : null, cell ? cell.position : 0, event);
    if (!stroke || !cell || cell.row !== stroke.row || !(event.buttons & 1)) return;
    if (!stroke.positions.includes(cell.position)) stroke.positions.push(cell.position);
  });
  box.addEventListener("pointerleave", (event) => onHover(null, 0, event));
  addEventListener("pointerup", () => {
    if (stroke) onPick(stroke);
    stroke = null;
  });

  /**
   * @param {object} seen
   * @param {{ text: string }[]} seen.tokens
   * @param {{ text: string }[]} seen.others
   * @param {string[]} seen.names of the rows, from below
   * @param {number[][]} seen.rows those that are known, from below
   * @param {{ row: number, positions: number[] } | null} seen.chosen
   * @param {((row: number, position: number) => number) | null} seen.moved how far the patch moves the stream there
   */
  return ({ tokens, others, names, rows, chosen, moved }) => {
    kept = chosen;
    box.style.setProperty("--gb-across", String(tokens.length));
    box.style.setProperty("--gb-down", String(names.length));
    const roomy = (box.clientWidth - 60) / tokens.length > 36 * (document.body.classList.contains("gb-room") ? 1.6 : 1);
    const cell = (row, position) => {
      const share = rows[row]?.[position];
      const { fill, ink } = share === undefined ? { fill: "", ink: "" } : at("diverging", placeOf(share));
      const put = chosen?.row === row && chosen.positions.includes(position);
      return el(
        "button",
        {
          type: "button",
          tabindex: "-1",
          "aria-pressed": String(put),
          class: [put ? "gb-kept" : "", moved && moved(row, position) > LIT ? "gb-lit-cell" : ""].join(" "),
          style: `background-color: ${fill}; color: ${ink}`,
          "aria-label": `${names[row]}, ${visible(tokens[position].text)}: ${share === undefined ? "not known yet" : `${Math.round(100 * share)} %`}`,
          data: { row, position },
        },
        roomy && share !== undefined && Math.abs(share) >= 0.005 ? format.number(Number(share.toFixed(2))) : "",
      );
    };
    const name = ({ text }, i) =>
      el(
        "span",
        { class: `gb-patch-token${tokens[i].text !== others[i].text ? " gb-differs" : ""}`, title: `token ${i}` },
        visible(text),
      );
    box.replaceChildren(
      ...names.flatMap((_, i) => {
        const row = names.length - 1 - i;
        return [el("span", { class: "gb-patch-row" }, names[row]), ...tokens.map((_, p) => cell(row, p))];
      }),
      el("span", { class: "gb-patch-row" }, "this"),
      ...tokens.map(name),
      el("span", { class: "gb-patch-row" }, "other"),
      ...others.map(name),
    );
    settle();
    const node = /** @type {HTMLElement | null} */ (box.querySelector(".gb-kept")),
      now = JSON.stringify(chosen);
    // On a phone the map is wider than the screen.
    if (node && now !== shown) box.scrollLeft = Math.max(0, node.offsetLeft + node.offsetWidth - box.clientWidth);
    shown = now;
  };
};
