// All heads as a page of its own that answers to the pointer with the network unplugged: the grid, and
// the head that is chosen, whose every weight the page works out from queries and keys.
import { visible } from "../shared/tokens/visible.js";
import { colours, page, titleOf, zoomer } from "./head_page.js";
import * as heat from "./heat.js";

/** The saved page's own script. It knows nothing but what it is called with, and is never run here. */
function viewer(data, zoomer, paint) {
  const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const q = floats(data.q),
    k = floats(data.k),
    T = data.tokens.length,
    count = data.layers * data.heads,
    D = q.length / count / T;
  const [grid, canvas] = document.querySelectorAll("canvas"),
    [named, says] = document.querySelectorAll("output");
  const scales = { sqrt: Math.sqrt, linear: (w) => w, log: (w) => Math.max(0, 1 + Math.log10(w) / 4) };
  const size = Math.max(24, Math.min(72, Math.floor(560 / data.heads))),
    step = size + 4,
    ratio = devicePixelRatio || 1;
  const pen = grid.getContext("2d"),
    show = zoomer(data, canvas, says),
    ink = { map: Uint32Array.from(data.inks), future: data.beyond, hatch: null };
  let chosen = data.chosen;
  grid.width = data.heads * step * ratio;
  grid.height = data.layers * step * ratio;
  grid.style.width = `${data.heads * step}px`;

  /** softmax(q k / sqrt(D)) of one head, row by row, and what goes into it. */
  function attend(head) {
    const pattern = new Float32Array((T * (T + 1)) / 2),
      scores = new Float32Array(pattern.length);
    for (let row = 0, base = 0; row < T; base += row += 1) {
      let top = -Infinity,
        total = 0;
      for (let column = 0; column <= row; column += 1) {
        let sum = 0;
        for (let i = 0, a = (head * T + row) * D, b = (head * T + column) * D; i < D; i += 1)
          sum += q[a + i] * k[b + i];
        scores[base + column] = sum / Math.sqrt(D);
        top = Math.max(top, scores[base + column]);
      }
      for (let column = 0; column <= row; column += 1)
        total += pattern[base + column] = Math.exp(scores[base + column] - top);
      for (let column = 0; column <= row; column += 1) pattern[base + column] /= total;
    }
    return { pattern, scores };
  }

  const corner = (head) => [(head % data.heads) * step + 2, Math.floor(head / data.heads) * step + 2];
  function thumbnail(head) {
    const side = Math.round(size * ratio),
      image = pen.createImageData(side, side),
      [x, y] = corner(head);
    paint(
      image,
      0,
      0,
      side,
      Uint8Array.from(attend(head).pattern, (w) => Math.round(255 * scales[data.scale](w))),
      T,
      ink,
    );
    pen.putImageData(image, Math.round(x * ratio), Math.round(y * ratio));
  }
  function ring(head, colour) {
    const [x, y] = corner(head);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.lineWidth = 2;
    pen.strokeStyle = colour;
    pen.strokeRect(x - 1, y - 1, size + 2, size + 2);
  }
  const nameOf = (head) => `Layer ${Math.floor(head / data.heads)}, head ${head % data.heads}`;
  function choose(head) {
    ring(chosen, data.paper);
    chosen = head;
    ring(chosen, data.query);
    named.textContent = nameOf(head);
    const { pattern, scores } = attend(head);
    show(pattern, scores);
  }
  const under = (event) => {
    const area = grid.getBoundingClientRect(),
      [column, row] = [event.clientX - area.left, event.clientY - area.top].map((x) => Math.floor(x / step));
    return column >= 0 && column < data.heads && row >= 0 && row < data.layers ? row * data.heads + column : null;
  };
  grid.addEventListener("pointermove", (event) => {
    const head = under(event);
    named.textContent = nameOf(head ?? chosen);
  });
  grid.addEventListener("pointerleave", () => {
    named.textContent = nameOf(chosen);
  });
  grid.addEventListener("click", (event) => {
    const head = under(event);
    if (head !== null) choose(head);
  });
  addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -data.heads, ArrowDown: data.heads }[event.key];
    if (by === undefined || chosen + by < 0 || chosen + by >= count) return;
    event.preventDefault();
    choose(chosen + by);
  });

  let next = 0;
  (function fill() {
    // one after the other, so that the page answers meanwhile
    thumbnail(next);
    if (next === chosen) choose(chosen);
    next += 1;
    if (next < count) setTimeout(fill);
  })();
}

/** What pack_heads answered as a page that needs no other file; `at` is the head it opens on. */
function allHeadsPage(packed, scale, at) {
  const { map, future } = heat.inks(),
    { layers, heads, q, k } = packed;
  const chosen = at ? at[0] * heads + at[1] : 0;
  const data = {
    ...colours(),
    scale,
    width: 600,
    q,
    k,
    layers,
    heads,
    chosen,
    inks: Array.from(map),
    beyond: future,
    tokens: packed.tokens.map((token) => visible(token.text)),
  };
  const body =
    `<p>Layers go down, heads across. A click or the arrow keys choose a head.</p>\n<div style="display: flex; flex-wrap: wrap; gap: 32px; align-items: flex-start">` +
    `<canvas role="img" aria-label="${layers * heads} heads" style="cursor: pointer"></canvas>\n<div style="max-width: 100%; overflow: auto"><output style="min-height: 0; font-weight: 600"></output><output></output><canvas role="img" aria-label="The chosen head"></canvas></div></div>`;
  return page(
    `${titleOf(packed)}: all ${layers * heads} heads`,
    data,
    body,
    `((data) => (${viewer})(data, ${zoomer}, ${heat.paint}))`,
  );
}

export { allHeadsPage };
