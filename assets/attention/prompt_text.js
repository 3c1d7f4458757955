// The prompt as text, seen from one token: every token shaded by its weight, or arcs to the few that
// hold most of it. Shown anew at every movement of the pointer, so only what changed is touched.
import { color, cssRgb, palette } from "../shared/colour.js";
import * as shades from "../shared/shades.js";

/** @import { Cell } from "./focus.js" */

const SHARE = 0.7,
  MOST = 12;
const UNSEEN = -1;

/** The fewest tokens that hold `SHARE` of all weights, at most `MOST`: their places, and the share they hold. */
function heaviest(weights) {
  const total = weights.reduce((sum, w) => sum + w, 0),
    found = [];
  let held = 0;
  const order = Array.from(weights.keys())
    .filter((i) => weights[i] > 0)
    .sort((a, b) => weights[b] - weights[a]);
  for (const i of order) {
    if (held >= SHARE * total || found.length === MOST) break;
    found.push(i);
    held += weights[i];
  }
  return { found, share: total > 0 ? held / total : 0 };
}

/**
 * Scroll a long text, and nothing else, until a token of it is in sight.
 * @param {HTMLElement} box
 * @param {HTMLElement} node
 */
export const revealIn = (box, node) => {
  const room = box.clientHeight - node.offsetHeight - 8;
  box.scrollTop = Math.max(node.offsetTop - room, Math.min(box.scrollTop, node.offsetTop - 8));
};

/**
 * The text in `box`.
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(cell: Cell | null, event: PointerEvent) => void} acts.onHover hears of the token pointed at, as a row
 * @param {(cell: Cell) => void} acts.onPick
 */
export const promptText = (box, { onHover, onPick }) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "gb-arcs");
  svg.setAttribute("aria-hidden", "true");
  box.dir = "auto"; // from right to left where the prompt reads so
  let nodes = [],
    shown = [],
    marked = [];

  function draw(tokens) {
    const running = shades.running(tokens);
    nodes = running.filter((node) => node.dataset.at);
    shown = nodes.map(() => null);
    marked = [];
    box.replaceChildren(svg, ...running);
  }

  /**
   * `levels`: for each token its place on the map, 0 to 255, or -1 if it is out of sight. `marks`:
   * { at: class } of tokens with an outline. `hatched`: a token whose weight is muted, or null.
   */
  function shade(levels, marks, hatched) {
    box.classList.remove("gb-arched");
    svg.replaceChildren();
    const map = palette("sequential"),
      paper = String(map[0]);
    nodes.forEach((node, i) => {
      const key = i === hatched ? `hatched ${levels[i]}` : `${levels[i]} ${paper}`;
      if (shown[i] === key) return;
      shown[i] = key;
      const [r, g, b] = map[Math.max(0, levels[i])],
        seen = levels[i] !== UNSEEN;
      node.style.backgroundColor = seen ? cssRgb([r, g, b]) : "";
      node.style.color = seen ? (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#16191f" : "#ffffff") : "";
      node.classList.toggle("gb-unseen", !seen);
      node.classList.toggle("gb-muted", i === hatched);
    });
    outline(marks);
  }

  function outline(marks) {
    for (const i of marked) nodes[i]?.classList.remove("gb-looks", "gb-looked");
    marked = Object.keys(marks).map(Number);
    for (const i of marked) nodes[i]?.classList.add(marks[i]);
  }

  /** Arcs between token `from` and the tokens that hold most of `weights`; `alpha` says how dark a weight is. */
  function arcs(weights, from, by, alpha, marks) {
    if (shown.some((key) => key !== "plain")) {
      for (const node of nodes) {
        node.style.cssText = "";
        node.classList.remove("gb-unseen", "gb-muted");
      }
      shown.fill("plain");
    }
    outline(marks);
    box.classList.add("gb-arched");
    const chosen = heaviest(weights),
      ink = color(by ? "--gb-key" : "--gb-query");
    const unit = parseFloat(getComputedStyle(box).fontSize);
    svg.setAttribute("width", String(box.clientWidth));
    svg.setAttribute("height", String(box.scrollHeight));
    svg.replaceChildren(
      ...chosen.found.reverse().map((i) => {
        // the strongest on top
        const path = document.createElementNS(svg.namespaceURI, "path");
        path.setAttribute("d", curve(nodes[from], nodes[i], unit));
        path.setAttribute("stroke", ink);
        path.setAttribute("stroke-opacity", Math.max(0.02, alpha(weights[i])).toFixed(3));
        return path;
      }),
    );
    return { count: chosen.found.length, share: chosen.share };
  }
  /** From one token to another: over the line they share, through the gap between lines, or back to itself. */
  function curve(a, b, unit) {
    const top = (node) => [node.offsetLeft + node.offsetWidth / 2, node.offsetTop];
    const foot = (node) => [top(node)[0], node.offsetTop + node.offsetHeight];
    const [x, y] = top(a),
      [u, v] = top(b);
    if (a === b) return `M${x - 5} ${y}C${x - 14} ${y - 1.6 * unit} ${x + 14} ${y - 1.6 * unit} ${x + 5} ${y}`;
    if (Math.abs(y - v) < 2) {
      const rise = Math.min(1.9 * unit, 0.5 * unit + 0.12 * Math.abs(u - x));
      return `M${x} ${y}C${x} ${y - rise} ${u} ${v - rise} ${u} ${v}`;
    }
    const [start, end] = y > v ? [[x, y], foot(b)] : [foot(a), [u, v]];
    const bend = (end[1] - start[1]) / 2;
    return `M${start}C${start[0]} ${start[1] + bend} ${end[0]} ${end[1] - bend} ${end}`;
  }

  const reveal = (i) => revealIn(box, nodes[i]);

  const tokenOf = (event) => event.target.closest?.(".gb-token");
  const rowOf = (node) => ({ row: Number(node.dataset.at), column: null });
  box.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "touch" && tokenOf(event)) onHover(rowOf(tokenOf(event)), event);
  });
  box.addEventListener("pointerleave", (event) => onHover(null, event));
  box.addEventListener("click", (event) => {
    if (tokenOf(event)) onPick(rowOf(tokenOf(event)));
  });
  return { draw, shade, arcs, reveal };
};
