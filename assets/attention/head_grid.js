// All heads of a model on one canvas: layers down, heads across. A second canvas above it carries
// the marks, so that pointing at a head never paints the picture again.
(() => {
  "use strict";
  const { el, color, canvas2d } = glassbox;
  const GAP = 4, LARGEST = 72;

  glassbox.headGrid = (box, { onHover, onPick }) => {
    const canvas = el("canvas", { role: "img", tabindex: "0" });
    const marks = el("canvas", { class: "gb-marks", "aria-hidden": "true" });
    const across = el("div", { class: "gb-across", "aria-hidden": "true" });
    const down = el("div", { class: "gb-down", "aria-hidden": "true" });
    box.replaceChildren(el("div", { class: "gb-corner" }), across, down, el("div", { class: "gb-stack" }, canvas, marks));
    let size = 0, picture = null, chosen = null, pointed = null;

    /** The side of a thumbnail: all heads of a layer in the box, or large enough for a finger. */
    function fit() {
      const touch = matchMedia("(pointer: coarse)").matches, room = box.clientWidth - down.offsetWidth - 8;
      return Math.max(touch ? 40 : 20, Math.min(LARGEST, Math.floor(room / picture.heads) - GAP));
    }

    /** Names of the layers and heads; where they would touch, only every second or third. */
    function label(strip, letter, count, width) {
      const every = Math.ceil(width / (size + GAP));
      strip.replaceChildren(...Array.from({ length: count }, (_, i) =>
        el("span", {}, i % every ? "" : `${letter}${i}`)));
    }

    function draw(next, triangles, muted) {
      picture = next;
      label(down, "L", picture.layers, 0.1);
      size = fit();
      box.style.setProperty("--gb-pitch", `${size + GAP}px`);
      const em = parseFloat(getComputedStyle(across).fontSize);
      label(across, "H", picture.heads, 2.2 * em);
      label(down, "L", picture.layers, 1.3 * em);
      const width = picture.heads * (size + GAP), height = picture.layers * (size + GAP), ratio = devicePixelRatio || 1;
      const context = canvas2d(canvas, width, height), side = Math.round(size * ratio), ink = glassbox.heat.inks(muted);
      const image = context.createImageData(canvas.width, canvas.height);
      triangles.forEach((triangle, i) => {
        const [x, y] = corner(Math.floor(i / picture.heads), i % picture.heads);
        glassbox.heat.paint(image, Math.round(x * ratio), Math.round(y * ratio), side, triangle, picture.side, ink);
      });
      context.putImageData(image, 0, 0);
      context.strokeStyle = color("--gb-line");
      triangles.forEach((_, i) => {
        const [x, y] = corner(Math.floor(i / picture.heads), i % picture.heads);
        context.strokeRect(x - 0.5, y - 0.5, size + 1, size + 1);
      });
      canvas.setAttribute("aria-label", `Attention of all heads: ${picture.layers} layers by ${picture.heads} heads, ` +
        `${picture.tokens.length} tokens each. Arrow keys choose a head.`);
      mark();
    }

    const corner = (layer, head) => [head * (size + GAP) + GAP / 2, layer * (size + GAP) + GAP / 2];

    function mark() {
      if (!picture) return;
      const context = canvas2d(marks, picture.heads * (size + GAP), picture.layers * (size + GAP));
      for (const [at, ink] of [[pointed, "--gb-ink"], [chosen, "--gb-accent"]]) {
        if (!at) continue;
        const [x, y] = corner(...at);
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
      const [x, y] = corner(layer, head), left = down.offsetWidth, top = across.offsetHeight;
      const near = (now, start, room) => Math.max(start + size + GAP - room, Math.min(now, start - GAP));
      box.scrollTo(near(box.scrollLeft, x, box.clientWidth - left), near(box.scrollTop, y, box.clientHeight - top));
    }

    function under(event) {
      const area = canvas.getBoundingClientRect();
      const [head, layer] = [event.clientX - area.left, event.clientY - area.top].map((x) => Math.floor(x / (size + GAP)));
      return picture && head >= 0 && layer >= 0 && head < picture.heads && layer < picture.layers ? [layer, head] : null;
    }
    function point(at, event) {
      if (String(at) !== String(pointed)) { pointed = at; mark(); }
      onHover(at, event);
    }
    canvas.addEventListener("pointermove", (event) => event.pointerType !== "touch" && point(under(event), event));
    canvas.addEventListener("pointerleave", (event) => point(null, event));
    canvas.addEventListener("click", (event) => { const at = under(event); if (at) onPick(...at); });
    return { draw, choose };
  };
})();
