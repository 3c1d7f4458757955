// Layers by tokens, read from bottom to top. However long the prompt is, the canvas is only as wide as
// its box: scrolling draws other columns. A second canvas above carries the marks.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { visible } from "../shared/tokens/visible.js";

/**
 * The grid in `frame`; both are told the cell, a row of layers and a position, or null beside it.
 * @param {HTMLElement} frame
 * @param {object} acts
 * @param {(at: { row: number, column: number } | null, event: Event) => void} acts.onHover
 * @param {(at: { row: number, column: number } | null) => void} acts.onPick
 */
export const lensGrid = (frame, { onHover, onPick }) => {
  const BAR = 12; // CSS pixels of a scroll bar
  const names = el("div", { class: "gb-logit-lens-names", "aria-hidden": "true" });
  const canvas = el("canvas", { role: "img", tabindex: "0" });
  const marks = el("canvas", { class: "gb-marks", "aria-hidden": "true" });
  const sheet = el("div", { class: "gb-logit-lens-sheet" }, canvas, marks),
    length = el("div", {}, sheet);
  const box = el("div", { class: "gb-logit-lens-box" }, length);
  frame.replaceChildren(names, box);
  let picture = null,
    size = null,
    hovered = null,
    chosen = null,
    waiting = false;

  /** All layers in the box, and columns wide enough to read a token; short prompts get wider ones, up to a word's length. */
  function measure() {
    const scale = parseFloat(color("--gb-scale")) || 1,
      T = picture.tokens.length;
    const rows = picture.layers + 3,
      tall = matchMedia("(min-width: 901px)").matches ? frame.clientHeight - BAR : 360; // on a phone it grows with the rows
    const height = Math.floor(Math.max(24 * scale, Math.min(96 * scale, tall / rows)));
    const letter = Math.max(12.5 * scale, Math.min(15 * scale, height / 3)),
      width = Math.max(4.8 * letter, Math.min(9 * letter, Math.floor(box.clientWidth / T)));
    return {
      scale,
      width,
      height,
      letter,
      rows,
      T,
      font: `${letter}px ${color("--gb-mono")}`,
      view: Math.min(box.clientWidth, Math.ceil(T * width)),
    };
  }

  /** From the top: what truly comes next, the output, the other layers, the embeddings, the token that was read. */
  function label() {
    const { layers } = picture;
    const rows = ["next in the text", `layer ${layers - 1} → output`];
    for (let layer = layers - 2; layer >= 0; layer -= 1) rows.push(`layer ${layer}`);
    if (layers === 0) rows.pop();
    rows.push("embeddings", "token read ↑");
    names.replaceChildren(...rows.map((name) => el("span", {}, name)));
  }

  /** `appearance(row, column)` gives a cell's { text, fill, ink, right } or null while it is still to come. */
  function draw(next) {
    picture = next;
    label();
    size = measure();
    frame.style.setProperty("--gb-pitch", `${size.height}px`);
    length.style.width = `${size.T * size.width}px`;
    sheet.style.width = `${size.view}px`;
    canvas.setAttribute(
      "aria-label",
      `Logit lens: ${picture.layers + 1} rows by ${size.T} tokens. Arrow keys move through the cells; ` +
        "the sentence below says what is in the chosen one.",
    );
    paint();
  }

  const fit = (text) => {
    const letters = Array.from(visible(text)),
      room = Math.max(2, Math.floor((size.width - 10) / (0.602 * size.letter)));
    return letters.length > room ? `${letters.slice(0, room - 1).join("")}…` : letters.join("");
  };

  function paint() {
    waiting = false;
    const { width, height, view, rows, T } = size,
      left = box.scrollLeft;
    const context = canvas2d(canvas, view, rows * height),
      paper = color("--gb-raised"),
      soft = color("--gb-soft"),
      ink = color("--gb-ink");
    context.font = size.font;
    context.textBaseline = "middle";
    const write = (text, x, y, colour) => {
      context.fillStyle = colour;
      context.fillText(fit(text), x + 5, y + height / 2 + 1, width - 8);
    };
    for (let column = Math.floor(left / width); column < Math.min(T, Math.ceil((left + view) / width)); column += 1) {
      const x = column * width - left;
      write(picture.truth(column) ?? "?", x, 0, soft);
      write(picture.texts[picture.tokens[column]], x, (rows - 1) * height, ink);
      for (let row = 0; row <= picture.layers; row += 1) {
        const y = top(row),
          cell = picture.appearance(row, column);
        context.fillStyle = cell?.fill ?? paper;
        context.fillRect(x + 0.5, y + 0.5, width - 1, height - 1);
        if (!cell) continue;
        write(cell.text, x, y, cell.ink);
        if (cell.right) context.fillRect(x + 5, y + height - 5 * size.scale, width - 10, 2 * size.scale);
      }
    }
    mark();
  }

  const top = (row) => (picture.layers - row + 1) * size.height;

  function mark() {
    const { width, height, view, rows, scale } = size,
      context = canvas2d(marks, view, rows * height);
    for (const [at, ink, line] of [
      [hovered, "--gb-ink", 1.5],
      [chosen, "--gb-chosen", 2.5],
    ]) {
      if (!at) continue;
      const x = at.column * width - box.scrollLeft;
      context.strokeStyle = color(ink);
      context.lineWidth = scale;
      context.globalAlpha = 0.45;
      context.strokeRect(x + 1, 1, width - 2, rows * height - 2);
      context.globalAlpha = 1;
      context.lineWidth = line * scale;
      context.strokeRect(x + 1, top(at.row) + 1, width - 2, height - 2);
    }
    [...names.children].forEach((node, i) => node.classList.toggle("gb-here", i === picture.layers - chosen?.row + 1));
  }

  /** Mark the hovered and the chosen cell; `follow` brings the chosen one into view. */
  function point(over, at, follow = false) {
    if (!size) return;
    [hovered, chosen] = [over, at];
    const x = at.column * size.width;
    if (follow) box.scrollLeft = Math.max(x + size.width - size.view, Math.min(box.scrollLeft, x));
    mark();
  }

  function under(event) {
    if (!size) return null;
    const area = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - area.left + box.scrollLeft) / size.width);
    const row = picture.layers + 1 - Math.floor((event.clientY - area.top) / size.height);
    return column < 0 || column >= size.T ? null : { row: Math.max(0, Math.min(picture.layers, row)), column };
  }
  box.addEventListener(
    "scroll",
    () => {
      if (size && !waiting) {
        waiting = true;
        requestAnimationFrame(paint);
      }
    },
    { passive: true },
  );
  canvas.addEventListener("pointermove", (event) => event.pointerType !== "touch" && onHover(under(event), event));
  canvas.addEventListener("pointerleave", (event) => onHover(null, event));
  canvas.addEventListener("click", (event) => {
    const at = under(event);
    if (at) onPick(at);
  });
  return { draw, point };
};
