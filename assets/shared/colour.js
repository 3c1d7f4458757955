// Colours of the theme that is on.
import { colourTable } from "./colour_maps.js";

/** The value of a CSS variable now, e.g. color("--gb-query"). */
export const color = (name) =>
  getComputedStyle(document.querySelector(".gradio-container") || document.body)
    .getPropertyValue(name)
    .trim();
export const dark = () => document.body.classList.contains("dark");

/** 256 x [r, g, b] of a map ("sequential", "surprise", "diverging") in the theme that is on. */
export const palette = (name = "sequential") => colourTable(name, dark() ? "dark" : "light");
export const cssRgb = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
