// A code for positions as two pictures: how alike any two positions are, and the code's first
// principal components as curves over position.
import { canvas2d } from "../shared/canvas.js";
import { color, cssRgb, palette } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";

const packed = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

/**
 * Both in `box`: draw({ similar, curves, shares, side, every }); point(cell) marks [row, column].
 * @param {HTMLElement} box
 * @param {string} name of the code
 * @param {(cell: [row: number, column: number | null] | null) => void} onHover
 */
export const positionWaves = (box, name, onHover) => {
  const matrix = el("canvas", { role: "img" }),
    cross = el("canvas", { class: "gb-marks", "aria-hidden": "true" });
  const curves = el("canvas", { role: "img" }),
    ruler = el("canvas", { class: "gb-marks", "aria-hidden": "true" });
  const map = el("div", { class: "gb-stack" }, matrix, cross),
    lines = el("div", { class: "gb-stack" }, curves, ruler);
  box.classList.add("gb-waves");
  box.replaceChildren(
    map,
    el("div", {}, lines, el("p", { class: "gb-small gb-soft" }, "its first principal components, over position")),
  );
  let data = null,
    size = 0,
    width = 0,
    scale = 1;

  function draw(next) {
    data = next;
    if (!data || !box.clientWidth) return;
    scale = parseFloat(color("--gb-scale")) || 1;
    const share = box.clientWidth < 480 ? 1 : 0.5; // on a phone the curves stand below
    size = Math.floor(Math.min(share * box.clientWidth, Math.max(160, box.clientHeight - 2 * 12.5 * scale)));
    drawMatrix();
    width = lines.parentElement.clientWidth; // what the matrix has left
    drawCurves();
    point(null);
  }

  function drawMatrix() {
    const { side, similar } = data,
      image = new ImageData(side, side),
      pixels = new Uint32Array(image.data.buffer);
    const ink = Uint32Array.from(palette("diverging"), packed);
    for (let p = 0; p < pixels.length; p += 1) pixels[p] = ink[Math.min(255, similar[p] + 1)];
    const small = new OffscreenCanvas(side, side);
    small.getContext("2d").putImageData(image, 0, 0);
    const context = canvas2d(matrix, size, size);
    context.imageSmoothingEnabled = side > size * (devicePixelRatio || 1); // enlarged, every cell stays one colour
    context.drawImage(small, 0, 0, size, size);
    matrix.setAttribute("aria-label", `${name}: cosine similarity of ${side} by ${side} positions`);
  }

  const heightOf = () => size / data.shares.length;
  function drawCurves() {
    const { side, shares, values } = data,
      tall = heightOf(),
      context = canvas2d(curves, width, tall * shares.length);
    const em = 12.5 * scale;
    shares.forEach((share, k) => {
      const row = values.subarray(k * side, (k + 1) * side),
        most = row.reduce((top, v) => Math.max(top, Math.abs(v)), 1e-9);
      const room = tall - 1.6 * em,
        middle = k * tall + 1.4 * em + room / 2,
        y = (v) => middle - (v / most) * 0.5 * room;
      context.strokeStyle = color("--gb-line");
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(0, Math.round(middle) + 0.5);
      context.lineTo(width, Math.round(middle) + 0.5);
      context.stroke();
      context.strokeStyle = color("--gb-accent");
      context.lineWidth = 1.5 * scale;
      context.lineJoin = "round";
      context.beginPath();
      row.forEach((v, i) => context.lineTo(x(i), y(v)));
      context.stroke();
      context.font = `${em}px ${color("--gb-sans")}`;
      context.textBaseline = "top";
      context.fillStyle = color("--gb-soft");
      context.fillText(`${k + 1}: ${format.probability(share)} of the variance`, 0, k * tall + 1);
    });
    curves.setAttribute(
      "aria-label",
      `${name}: its first ${shares.length} principal components as curves over position, ` +
        `with ${shares.map(format.probability).join(", ")} of the variance`,
    );
  }
  const x = (i) => ((i + 0.5) * width) / data.side;

  /** Mark a pair of positions in the matrix, and the first of them on the curves. */
  function point(cell) {
    if (!data || !size) return;
    const context = canvas2d(cross, size, size),
      rule = canvas2d(ruler, width, heightOf() * data.shares.length);
    if (!cell) return;
    const [row, column] = cell,
      unit = size / data.side,
      band = Math.max(unit, 1);
    context.lineWidth = 1;
    context.strokeStyle = color("--gb-ink");
    if (column !== null) {
      context.strokeRect(column * unit, 0, band, size);
      context.strokeRect(0, row * unit, size, band);
    }
    rule.strokeStyle = color("--gb-ink");
    rule.beginPath();
    rule.moveTo(x(row), 0);
    rule.lineTo(x(row), heightOf() * data.shares.length);
    rule.stroke();
  }

  const clamp = (i) => Math.max(0, Math.min(data.side - 1, Math.floor(i)));
  matrix.addEventListener("pointermove", (event) => {
    const area = matrix.getBoundingClientRect();
    if (data)
      onHover([
        clamp(((event.clientY - area.top) / size) * data.side),
        clamp(((event.clientX - area.left) / size) * data.side),
      ]);
  });
  curves.addEventListener("pointermove", (event) => {
    const area = curves.getBoundingClientRect();
    if (data) onHover([clamp(((event.clientX - area.left) / width) * data.side), null]);
  });
  for (const node of [matrix, curves])
    node.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && onHover(null));
  return { draw, point };
};

/**
 * The legend of cosines, -1 to 1.
 * @param {HTMLElement} box
 */
export const cosineLegend = (box) => {
  const stops = palette("diverging")
    .filter((_, i) => i % 15 === 0)
    .map(cssRgb);
  box.replaceChildren(
    el("div", { class: "gb-strip", style: `background: linear-gradient(to right, ${stops.join(",")})` }),
    el(
      "div",
      { class: "gb-ticks" },
      ...[-1, -0.5, 0, 0.5, 1].map((c) => el("span", { style: `left: ${50 + 50 * c}%` }, String(c).replace("-", "−"))),
    ),
  );
};
