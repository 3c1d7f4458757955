// One head as a file of its own: a page that still answers to the pointer with the network unplugged,
// or a drawing made of nothing but shapes.
import { color, cssRgb, palette } from "../shared/colour.js";
import { floatsOf } from "../shared/numbers.js";
import { visible } from "../shared/tokens/visible.js";
import * as heat from "./heat.js";

const escaped = (text) =>
  text
    .replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");

/**
 * Of a saved page's own script: a canvas that shows one head and answers to the pointer. It knows nothing
 * but `data` and is never run here.
 */
function zoomer(data, canvas, says) {
  const T = data.tokens.length,
    pen = canvas.getContext("2d");
  const cell = Math.max(2, Math.min(28, Math.floor(data.width / T))),
    em = 12,
    margin = 110,
    side = cell * T,
    ratio = devicePixelRatio || 1;
  const scales = { sqrt: Math.sqrt, linear: (w) => w, log: (w) => Math.max(0, 1 + Math.log10(w) / 4) };
  const place = (row, column) => (row * (row + 1)) / 2 + column;
  let kept = null,
    pattern = null,
    scores = null;
  canvas.width = canvas.height = (margin + side + 2) * ratio;
  canvas.style.width = canvas.style.height = `${margin + side + 2}px`;

  const picture = document.createElement("canvas"); // all that never changes
  picture.width = picture.height = canvas.width;

  function paint(brush) {
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.clearRect(0, 0, margin + side + 2, margin + side + 2);
    for (let row = 0; row < T; row += 1) {
      for (let column = 0; column < T; column += 1) {
        const level = column > row ? null : Math.round(255 * scales[data.scale](pattern[place(row, column)]));
        brush.fillStyle = level === null ? data.future : data.map[level];
        brush.fillRect(margin + column * cell, margin + row * cell, cell, cell);
      }
    }
    brush.font = `${em}px ui-monospace, Menlo, Consolas, monospace`;
    brush.textBaseline = "middle";
    brush.fillStyle = data.ink;
    for (let i = 0; i < T; i += Math.ceil(em / cell)) {
      brush.textAlign = "right";
      brush.fillText(data.tokens[i].slice(0, 14), margin - 4, margin + (i + 0.5) * cell);
      brush.save();
      brush.translate(margin + (i + 0.5) * cell, margin - 4);
      brush.rotate(-Math.PI / 2);
      brush.textAlign = "left";
      brush.fillText(data.tokens[i].slice(0, 14), 0, 0);
      brush.restore();
    }
  }

  function draw(at) {
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (!at || !pattern) {
      says.textContent = "Point at a cell; a click keeps it.";
      return;
    }
    const [row, column] = at,
      k = place(row, column);
    pen.lineWidth = 2;
    pen.strokeStyle = data.query;
    pen.strokeRect(margin, margin + row * cell, side, cell);
    pen.strokeStyle = data.key;
    pen.strokeRect(margin + column * cell, margin, cell, side);
    says.textContent = `${data.tokens[row]} (${row}) looks at ${data.tokens[column]} (${column}): weight ${Number(pattern[k].toPrecision(7))}, score before softmax ${Number(scores[k].toPrecision(7))}`;
  }
  const under = (event) => {
    const area = canvas.getBoundingClientRect();
    const [column, row] = [event.clientX - area.left, event.clientY - area.top].map((x) =>
      Math.floor((x - margin) / cell),
    );
    return row >= 0 && row < T && column >= 0 && column <= row ? [row, column] : null;
  };
  canvas.addEventListener("pointermove", (event) => {
    if (!kept) draw(under(event));
  });
  canvas.addEventListener("pointerleave", () => draw(kept));
  canvas.addEventListener("click", (event) => {
    const at = under(event);
    kept = String(at) === String(kept) ? null : at;
    draw(kept);
  });
  return (nextPattern, nextScores) => {
    [pattern, scores] = [nextPattern, nextScores];
    paint(picture.getContext("2d"));
    draw(kept);
  };
}

function viewer(data) {
  const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  zoomer(
    data,
    document.querySelector("canvas"),
    document.querySelector("output"),
  )(floats(data.pattern), floats(data.scores));
}

/** @param {{ title: string, step: number | null }} packed */
const titleOf = ({ title, step }) => `${title}${step === null ? "" : `, step ${step}`}`;
/** The colours that a file needs of the theme that is on. */
const colours = () => {
  return {
    map: palette("sequential").map(cssRgb),
    future: color("--gb-raised"),
    ink: color("--gb-soft"),
    query: color("--gb-query"),
    key: color("--gb-key"),
    paper: color("--gb-paper"),
  };
};

/** What pack_head answered as a page that needs no other file. */
function headPage(packed, scale) {
  const data = {
    ...colours(),
    scale,
    width: 900,
    pattern: packed.pattern,
    scores: packed.scores,
    tokens: packed.tokens.map((token) => visible(token.text)),
  };
  return page(
    `${titleOf(packed)}: layer ${packed.layer}, head ${packed.head}`,
    data,
    `<output></output>\n<canvas role="img" aria-label="One head"></canvas>`,
    `const zoomer = ${zoomer};\n(${viewer})`,
  );
}

/** A page that needs no other file: `script` is called with `data`. */
function page(name, data, body, script) {
  const json = JSON.stringify(data)
    .replace(/</g, "\\u003c")
    .replace(/\u2028/g, "\\u2028")
    .replace(/\u2029/g, "\\u2029");
  const title = escaped(name),
    { scale } = data;
  return (
    `<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>${title}</title>\n` +
    `<style>body { font: 15px/1.5 system-ui, sans-serif; margin: 24px; background: ${data.paper}; color: ${data.ink} } output { display: block; min-height: 3em; white-space: pre-wrap } canvas { cursor: crosshair }</style>\n` +
    `<h1 style="font-size: 18px">${title}</h1>\n<p>Each row is a token and shows how it spreads its attention over itself and those before it. Colours follow the ${scale === "sqrt" ? "square root of the weight" : scale === "log" ? "weight's logarithm" : "weight"}.</p>\n` +
    `${body}\n<script>${script}(${json});</script>\n</html>\n`
  );
}

/** The same as shapes: one path for each colour, labels as text. */
function toShapes(packed, scale) {
  const { map, future, ink, paper } = colours(),
    { SCALES } = heat,
    pattern = floatsOf(packed.pattern);
  const T = packed.tokens.length,
    cell = Math.max(2, Math.min(24, Math.floor(960 / T))),
    margin = 110,
    side = margin + T * cell + 8,
    paths = new Map();
  for (let row = 0, k = 0; row < T; row += 1) {
    for (let column = 0; column <= row; column += 1, k += 1) {
      const level = Math.round(255 * SCALES[scale].at(pattern[k])),
        d = `M${margin + column * cell} ${margin + row * cell}h${cell}v${cell}h-${cell}z`;
      paths.set(level, (paths.get(level) ?? "") + d);
    }
  }
  const label = (i, turn) =>
    `<text ${turn ? `transform="translate(${margin + (i + 0.5) * cell} ${margin - 5}) rotate(-90)"` : `x="${margin - 5}" y="${margin + (i + 0.5) * cell}" text-anchor="end"`} dominant-baseline="central">${escaped(visible(packed.tokens[i].text).slice(0, 14))}</text>`;
  const shown = Array.from({ length: T }, (_, i) => i).filter((i) => i % Math.ceil(11 / cell) === 0);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 ${side} ${side}"><title>${escaped(`${titleOf(packed)}: layer ${packed.layer}, head ${packed.head}`)}</title>\n` +
    `<rect width="${side}" height="${side}" fill="${paper}"/><rect x="${margin}" y="${margin}" width="${T * cell}" height="${T * cell}" fill="${future}"/>\n` +
    [...paths].map(([level, d]) => `<path fill="${map[level]}" d="${d}"/>`).join("\n") +
    `\n<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="11" fill="${ink}">${shown.map((i) => label(i, false) + label(i, true)).join("")}</g></svg>\n`
  );
}

export { colours, headPage, page, titleOf, toShapes, zoomer };
