// Colours of the theme that is on.
import { colourTable } from "./colour_maps.js";

/** @typedef {import("./colour_maps.js").MapName} MapName */

/**
 * The value of a CSS variable now, e.g. color("--gb-query").
 * @param {string} name
 */
export const color = (name) =>
  getComputedStyle(document.querySelector(".gradio-container") || document.body)
    .getPropertyValue(name)
    .trim();
/** Whether the dark theme is on. */
export const dark = () => document.body.classList.contains("dark");

/**
 * 256 x [r, g, b], each 0 to 255, of a map in the theme that is on.
 * @param {MapName} name
 */
export const palette = (name = "sequential") => colourTable(name, dark() ? "dark" : "light");
/** @param {[number, number, number]} rgb each 0 to 255 */
export const cssRgb = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
