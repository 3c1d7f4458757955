// Many points on one canvas: a token each, in two dimensions. Points are pixels, so that fifty
// thousand of them can be dragged about; a grid over the screen finds the one under the pointer.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { allOf, mostOf } from "./cloud_view.js";

const NEAR = 14,
  CELL = 24,
  MOST_LABELS = 70; // CSS pixels; labels beside those of the prompt

const channels = (name) => [1, 3, 5].map((i) => parseInt(color(name).slice(i, i + 2), 16));

/**
 * The points in `box`: draw() shows { places, shares, label(i), marked, order }.
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(i: number | null, event: Event) => void} acts.onHover
 * @param {(i: number | null) => void} acts.onPick
 */
export const pointCloud = (box, { onHover, onPick }) => {
  const canvas = el("canvas", { role: "img", tabindex: "0" }),
    marks = el("canvas", { class: "gb-marks", "aria-hidden": "true" });
  const button = (words, title, by) =>
    el("button", { type: "button", class: "gb-icon", title, "aria-label": title, onclick: by }, words);
  const tools = el(
    "div",
    { class: "gb-cloud-tools" },
    button("+", "Closer", () => zoom(1.6)),
    button("−", "Further away", () => zoom(1 / 1.6)),
    button("⤢", "All of it", () => {
      if (!data) return;
      view = allOf(data.places, size);
      paint();
    }),
  );
  box.replaceChildren(canvas, marks, tools);
  let data = null,
    view = null,
    size = null,
    cells = null,
    starred = { at: null, near: [] };
  let widthsOf = {};

  // ---- where things are -------------------------------------------------------------------------

  /** @returns {[x: number, y: number]} in CSS pixels */
  const screen = (i) => [
    size.width / 2 + (data.places[2 * i] - view.x) * view.k,
    size.height / 2 - (data.places[2 * i + 1] - view.y) * view.k,
  ];
  const inside = (x, y) => x >= 0 && y >= 0 && x < size.width && y < size.height;

  function zoom(by, x = size.width / 2, y = size.height / 2) {
    if (!data) return;
    view.first = false;
    view.x += (x - size.width / 2) * (1 / view.k - 1 / (view.k * by));
    view.y -= (y - size.height / 2) * (1 / view.k - 1 / (view.k * by));
    view.k *= by;
    paint();
  }

  // ---- drawing ----------------------------------------------------------------------------------

  function draw(next) {
    if (next.places !== data?.places) view = null;
    data = next;
    paint();
  }

  function paint() {
    if (!data || !box.clientWidth) return;
    size = {
      width: box.clientWidth,
      height: box.clientHeight,
    };
    view ??= { ...mostOf(data.places, size), first: true };
    const context = canvas2d(canvas, size.width, size.height),
      count = data.places.length / 2;
    dots(context, count);
    axes(context);
    if (view.first) beyond(context, count);
    labels(context);
    canvas.setAttribute("aria-label", `${count} tokens in two dimensions. Use the search box to find one.`);
    star();
  }

  /** All points, and for each cell of the screen which ones lie in it. */
  function dots(context, count) {
    const ratio = devicePixelRatio || 1,
      { width, height } = canvas,
      image = context.createImageData(width, height);
    const across = Math.ceil(size.width / CELL),
      down = Math.ceil(size.height / CELL),
      home = new Int32Array(count).fill(-1);
    const starts = new Int32Array(across * down + 1),
      side = Math.max(1, Math.round(ratio * (count > 10000 ? 1.5 : count > 2000 ? 2.5 : 4)));
    const hits = new Uint8Array(width * height),
      [r, g, b] = channels("--gb-residual");
    for (let i = 0; i < count; i += 1) {
      const [x, y] = screen(i);
      if (!inside(x, y)) continue;
      home[i] = Math.floor(y / CELL) * across + Math.floor(x / CELL);
      starts[home[i] + 1] += 1;
      const px = Math.round(x * ratio - side / 2),
        py = Math.round(y * ratio - side / 2);
      for (let v = Math.max(0, py); v < Math.min(height, py + side); v += 1) {
        for (let u = Math.max(0, px); u < Math.min(width, px + side); u += 1)
          if (hits[v * width + u] < 5) hits[v * width + u] += 1;
      }
    }
    const pixels = new Uint32Array(image.data.buffer);
    const ink = (n) => (((count > 10000 ? 30 + 30 * n : 60 + 39 * n) << 24) | (b << 16) | (g << 8) | r) >>> 0;
    const shades = Uint32Array.from({ length: 6 }, (_, n) => (n ? ink(n) : 0));
    for (let p = 0; p < hits.length; p += 1) pixels[p] = shades[hits[p]]; // the more points, the darker
    context.putImageData(image, 0, 0);
    for (let c = 1; c < starts.length; c += 1) starts[c] += starts[c - 1];
    const members = new Int32Array(starts[starts.length - 1]),
      fill = starts.slice();
    for (let i = 0; i < count; i += 1) if (home[i] >= 0) members[fill[home[i]]++] = i;
    cells = { across, down, starts, members };
  }

  function axes(context) {
    const [x, y] = [size.width / 2 - view.x * view.k, size.height / 2 + view.y * view.k],
      em = parseFloat(getComputedStyle(box).fontSize);
    context.strokeStyle = color("--gb-line");
    context.lineWidth = 1;
    context.strokeRect(0.5, 0.5, size.width - 1, size.height - 1);
    context.beginPath();
    if (x > 0 && x < size.width) {
      context.moveTo(x, 0);
      context.lineTo(x, size.height);
    }
    if (y > 0 && y < size.height) {
      context.moveTo(0, y);
      context.lineTo(size.width, y);
    }
    context.stroke();
    const say = (k) => `component ${k + 1}: ${format.probability(data.shares[k] ?? 0)} of the variance →`;
    context.font = `${em}px ${color("--gb-sans")}`;
    context.fillStyle = color("--gb-soft");
    context.textAlign = "right";
    context.fillText(say(0), size.width - 8, size.height - 8);
    context.save();
    context.translate(8 + em, 8);
    context.rotate(-Math.PI / 2);
    context.fillText(say(1), 0, 0);
    context.restore();
  }

  /** How many points lie outside, at the edge behind which they do. */
  function beyond(context, count) {
    const { width, height } = size,
      sides = { left: 0, right: 0, up: 0, down: 0 };
    for (let i = 0; i < count; i += 1) {
      const [x, y] = screen(i);
      if (x < 0) sides.left += 1;
      else if (x >= width) sides.right += 1;
      else if (y < 0) sides.up += 1;
      else if (y >= height) sides.down += 1;
    }
    const write = (n, words, align, x, y) => {
      if (!n) return;
      context.textAlign = align;
      context.fillText(words, x, y);
    };
    const says = (n) => `${format.whole(n)} token${n === 1 ? "" : "s"} further out`;
    write(sides.left, `← ${says(sides.left)}`, "left", 32, height / 2 - 8);
    write(sides.right, `${says(sides.right)} →`, "right", width - 8, height / 2 - 8);
    write(sides.up, `↑ ${says(sides.up)}`, "center", width / 2, 20);
    write(sides.down, `↓ ${says(sides.down)}`, "center", width / 2, height - 8);
  }

  /** Names beside their points, the prompt's first, as long as none covers another. */
  function labels(context) {
    const em = parseFloat(getComputedStyle(box).fontSize),
      taken = [];
    if (em !== widthsOf.em || data.label !== widthsOf.label) widthsOf = { em, label: data.label, wide: new Map() };
    const wide = widthsOf.wide; // measuring a text takes longer than drawing it
    context.font = `${em}px ${color("--gb-mono")}`;
    context.textAlign = "left";
    context.textBaseline = "middle";
    const place = (i, ink) => {
      const [x, y] = screen(i);
      if (!inside(x, y)) return false;
      if (!wide.has(i)) wide.set(i, context.measureText(data.label(i)).width);
      const width = wide.get(i),
        area = [x + 5, y - 0.6 * em, x + 9 + width, y + 0.6 * em];
      if (
        area[2] > size.width ||
        taken.some((other) => other[0] < area[2] && other[2] > area[0] && other[1] < area[3] && other[3] > area[1])
      )
        return false;
      taken.push(area);
      context.strokeText(data.label(i), x + 7, y); // a rim of paper, to be read among the dots
      context.fillStyle = ink;
      context.fillText(data.label(i), x + 7, y);
      return true;
    };
    context.strokeStyle = color("--gb-paper");
    context.lineWidth = 3;
    context.lineJoin = "round";
    const amber = color("--gb-chosen"),
      quiet = color("--gb-soft");
    for (const i of data.marked) {
      const [x, y] = screen(i);
      context.fillStyle = amber;
      context.beginPath();
      context.arc(x, y, 3.5, 0, 2 * Math.PI);
      context.fill();
      place(i, amber);
    }
    const marked = new Set(data.marked);
    for (let k = 0, drawn = 0; k < data.order.length && drawn < MOST_LABELS && k < 2000; k += 1) {
      if (!marked.has(data.order[k]) && place(data.order[k], quiet)) drawn += 1;
    }
  }

  /** Ring one token and draw lines to its neighbours, on the upper canvas. */
  function star(at = starred.at, near = starred.near) {
    starred = { at, near };
    if (!size) return;
    const context = canvas2d(marks, size.width, size.height),
      em = parseFloat(getComputedStyle(box).fontSize);
    if (at === null || !data) return;
    const [x, y] = screen(at);
    context.strokeStyle = color("--gb-accent");
    context.lineWidth = 1.25;
    context.beginPath();
    for (const i of near) {
      const to = screen(i);
      context.moveTo(x, y);
      context.lineTo(...to);
    }
    context.stroke();
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, 7, 0, 2 * Math.PI);
    context.stroke();
    context.font = `${em}px ${color("--gb-mono")}`;
    context.textBaseline = "middle";
    for (const i of [...near, at]) tag(context, data.label(i), ...screen(i), em, i === at);
  }

  function tag(context, words, x, y, em, loud) {
    const width = context.measureText(words).width,
      left = Math.min(x + 8, size.width - width - 8);
    context.fillStyle = color(loud ? "--gb-accent" : "--gb-paper");
    context.strokeStyle = color("--gb-accent");
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(left, y - 0.7 * em, width + 8, 1.4 * em, 3);
    context.fill();
    context.stroke();
    context.fillStyle = color(loud ? "--gb-paper" : "--gb-ink");
    context.fillText(words, left + 4, y);
  }

  // ---- pointing ---------------------------------------------------------------------------------

  function under(event) {
    if (!cells) return null;
    const area = canvas.getBoundingClientRect(),
      x = event.clientX - area.left,
      y = event.clientY - area.top;
    let best = null,
      least = NEAR;
    for (let v = Math.floor(y / CELL) - 1; v <= Math.floor(y / CELL) + 1; v += 1) {
      for (let u = Math.floor(x / CELL) - 1; u <= Math.floor(x / CELL) + 1; u += 1) {
        if (u < 0 || v < 0 || u >= cells.across || v >= cells.down) continue;
        for (let m = cells.starts[v * cells.across + u]; m < cells.starts[v * cells.across + u + 1]; m += 1) {
          const [px, py] = screen(cells.members[m]),
            far = Math.hypot(px - x, py - y);
          if (far < least) {
            least = far;
            best = cells.members[m];
          }
        }
      }
    }
    return best;
  }
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !data) return;
    drag = { x: event.clientX, y: event.clientY, moved: false };
    if (event.pointerType === "mouse") canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return;
    if (drag && (drag.moved || Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > 4)) {
      view.first = false;
      view.x -= (event.clientX - drag.x) / view.k;
      view.y += (event.clientY - drag.y) / view.k;
      drag = { x: event.clientX, y: event.clientY, moved: true };
      onHover(null, event);
      paint();
    } else if (!drag) onHover(under(event), event);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && !drag.moved) onPick(under(event));
    drag = null;
  });
  canvas.addEventListener("pointercancel", () => {
    drag = null;
  });
  canvas.addEventListener("pointerleave", (event) => {
    if (!drag) onHover(null, event);
  });
  canvas.addEventListener(
    "wheel",
    (event) => {
      // a pinch, or Ctrl and the wheel; the wheel alone scrolls the page
      if (!event.ctrlKey) return;
      event.preventDefault();
      const area = canvas.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 100), event.clientX - area.left, event.clientY - area.top);
    },
    { passive: false },
  );

  /** Bring a token into the picture. */
  function show(i) {
    if (!data || !size || inside(...screen(i))) return;
    Object.assign(view, { x: data.places[2 * i], y: data.places[2 * i + 1], first: false });
    paint();
  }
  return { draw, star, show, resize: paint };
};
