// Colour that stands for numbers, outside the grid of heads: strips with true ticks, and text on a shade.
import { cssRgb, palette } from "./colour.js";
import { el } from "./elements.js";
import { visible } from "./tokens/visible.js";

/** @import { MapName } from "./colour.js" */

/**
 * A colour, and an ink that is readable on it.
 * @param {MapName} map
 * @param {number} place from 0 to 1
 */
function at(map, place) {
  const [r, g, b] = palette(map)[Math.round(255 * Math.max(0, Math.min(1, place)))];
  return { fill: cssRgb([r, g, b]), ink: 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#16191f" : "#ffffff" };
}

/**
 * Shade an element.
 * @param {HTMLElement} node
 * @param {MapName} map
 * @param {number | null} place from 0 to 1; null takes the shade away
 */
function shade(node, map, place) {
  const { fill, ink } = place === null ? { fill: "", ink: "" } : at(map, place);
  node.style.backgroundColor = fill;
  node.style.color = ink;
}

/**
 * A legend: the map from left to right, and names where they truly lie on it.
 * @param {HTMLElement} box
 * @param {MapName} map
 * @param {[place: number, name: string][]} ticks
 */
function strip(box, map, ticks) {
  const stops = palette(map)
    .filter((_, i) => i % 15 === 0)
    .map(cssRgb);
  box.replaceChildren(
    el("div", { class: "gb-strip", style: `background: linear-gradient(to right, ${stops.join(",")})` }),
    el(
      "div",
      { class: "gb-ticks" },
      ...ticks.map(([place, name]) => el("span", { style: `left: ${100 * place}%` }, name)),
    ),
  );
}

/**
 * Tokens as running text: spans with their number in data-at, line breaks kept, spaces as spaces.
 * @param {{ text: string }[]} tokens
 */
const running = (tokens) =>
  tokens.flatMap(({ text }, i) => {
    const shown = visible(text).replace(/·/g, (dot, k) => (text[k] === " " ? " " : dot));
    const node = el("span", { class: "gb-token", data: { at: i } }, shown);
    return text.includes("\n") ? [node, el("br")] : [node];
  });

export { at, running, shade, strip };
