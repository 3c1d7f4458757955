// All heads of a model on one canvas: layers down, heads across, or in any other order with a name
// under each. A second canvas above it carries the marks, so that pointing at a head never paints
// the picture again.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import * as heat from "./heat.js";

const GAP = 4,
  LARGEST = 132;

/**
 * All heads in `box`.
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(at: [layer: number, head: number] | null, event?: Event) => void} acts.onHover null: beside the heads
 * @param {(layer: number, head: number) => void} acts.onPick
 * @param {() => number} [acts.tall] pixels that the grid with its labels may be high
 */
export const headGrid = (box, { onHover, onPick, tall = () => Infinity }) => {
  const canvas = el("canvas", { role: "img", tabindex: "0" });
  const marks = el("canvas", { class: "gb-marks", "aria-hidden": "true" });
  const across = el("div", { class: "gb-across", "aria-hidden": "true" });
  const down = el("div", { class: "gb-down", "aria-hidden": "true" });
  box.replaceChildren(el("div", { class: "gb-corner" }), across, down, el("div", { class: "gb-stack" }, canvas, marks));
  let size = 0,
    step = 0,
    picture = null,
    chosen = null,
    pointed = null;
  let order = [],
    columns = 1; // which head stands in each place, row by row

  /** The side of a thumbnail: all of them in the box, or large enough to be hit. `below`: pixels of a name under each. */
  function fit(below) {
    const touch = matchMedia("(pointer: coarse)").matches,
      wide = (box.clientWidth - down.offsetWidth - 8) / columns,
      high = (tall() - across.offsetHeight) / Math.ceil(order.length / columns) - below;
    return Math.max(touch ? 40 : 20, Math.min(LARGEST, Math.floor(Math.min(wide, high)) - GAP));
  }

  /** Names of the layers and heads; where they would touch, only every second or third. */
  function label(strip, letter, count, width) {
    const every = Math.ceil(width / (size + GAP));
    strip.replaceChildren(...Array.from({ length: count }, (_, i) => el("span", {}, i % every ? "" : `${letter}${i}`)));
  }

  /**
   * Draw the heads' triangles. `layout` is null for all heads by layer, or { order, columns, name }:
   * places in the list of all heads, and the words under each.
   */
  function draw(next, triangles, muted, layout = null) {
    picture = next;
    order = layout?.order ?? triangles.map((_, i) => i);
    columns = layout?.columns ?? picture.heads;
    label(down, "L", layout ? 0 : picture.layers, 0.1);
    across.hidden = layout !== null;
    const em = parseFloat(getComputedStyle(across).fontSize),
      below = layout ? 1.3 * em : 0;
    size = fit(below);
    step = size + GAP + below; // from one row to the next
    box.style.setProperty("--gb-pitch", `${size + GAP}px`);
    label(across, "H", layout ? 0 : picture.heads, 2.2 * em);
    label(down, "L", layout ? 0 : picture.layers, 1.3 * em);
    const ratio = devicePixelRatio || 1,
      side = Math.round(size * ratio),
      ink = heat.inks(muted);
    const context = canvas2d(canvas, ...extent()),
      image = context.createImageData(canvas.width, canvas.height);
    order.forEach((head, place) => {
      const [x, y] = corner(place);
      heat.paint(image, Math.round(x * ratio), Math.round(y * ratio), side, triangles[head], picture.side, ink);
    });
    context.putImageData(image, 0, 0);
    context.strokeStyle = color("--gb-line");
    context.fillStyle = color("--gb-soft");
    context.font = `${em}px ${color("--gb-mono")}`;
    order.forEach((head, place) => {
      const [x, y] = corner(place);
      context.strokeRect(x - 0.5, y - 0.5, size + 1, size + 1);
      if (layout) context.fillText(layout.name(head), x, y + size + 1.1 * em, size);
    });
    canvas.setAttribute(
      "aria-label",
      `Attention of ${order.length} heads of ${picture.layers * picture.heads}, ` +
        `${picture.tokens.length} tokens each. Arrow keys choose a head.`,
    );
    mark();
  }

  /** @returns {[width: number, height: number]} in CSS pixels */
  const extent = () => [columns * (size + GAP), Math.ceil(order.length / columns) * step];
  const corner = (place) => [(place % columns) * (size + GAP) + GAP / 2, Math.floor(place / columns) * step + GAP / 2];

  function mark() {
    if (!picture) return;
    const context = canvas2d(marks, ...extent());
    for (const [at, ink] of [
      [pointed, "--gb-ink"],
      [chosen, "--gb-accent"],
    ]) {
      const place = at ? order.indexOf(at[0] * picture.heads + at[1]) : -1;
      if (place < 0) continue;
      const [x, y] = corner(place);
      context.strokeStyle = color(ink);
      context.lineWidth = 2;
      context.strokeRect(x - 1, y - 1, size + 2, size + 2);
    }
    [...down.children].forEach((node, i) => node.classList.toggle("gb-here", i === chosen?.[0]));
    [...across.children].forEach((node, i) => node.classList.toggle("gb-here", i === chosen?.[1]));
  }

  /** Ring the head that is zoomed, and bring it into view where the grid scrolls. */
  function choose(layer, head) {
    chosen = [layer, head];
    mark();
    const place = order.indexOf(layer * picture.heads + head);
    if (place < 0) return;
    const [x, y] = corner(place),
      left = down.offsetWidth,
      top = across.offsetHeight;
    const near = (now, start, span, room) => Math.max(start + span - room, Math.min(now, start - GAP));
    box.scrollTo(
      near(box.scrollLeft, x, size + GAP, box.clientWidth - left),
      near(box.scrollTop, y, step, box.clientHeight - top),
    );
  }

  /** @returns {[layer: number, head: number] | null} */
  function under(event) {
    const area = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - area.left) / (size + GAP));
    const row = Math.floor((event.clientY - area.top) / step);
    if (!picture || column < 0 || column >= columns || row < 0) return null;
    const head = order[row * columns + column];
    return head === undefined ? null : [Math.floor(head / picture.heads), head % picture.heads];
  }
  function point(at, event) {
    if (String(at) !== String(pointed)) {
      pointed = at;
      mark();
    }
    onHover(at, event);
  }
  canvas.addEventListener("pointermove", (event) => event.pointerType !== "touch" && point(under(event), event));
  canvas.addEventListener("pointerleave", (event) => point(null, event));
  canvas.addEventListener("click", (event) => {
    const at = under(event);
    if (at) onPick(...at);
  });
  return { draw, choose };
};
