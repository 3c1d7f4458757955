// Light or dark: what this visitor chose last, unless the address asks for one (Gradio's ?__theme=dark).
import { keep, kept } from "./storage.js";

const KEY = "glassbox.theme";

export function turnTheme() {
  const dark = document.body.classList.toggle("dark");
  keep(KEY, dark ? "dark" : "light");
}

/** Once the page stands, since Gradio follows the system first. */
export function chosenTheme() {
  const theme = kept(KEY);
  if (theme && !new URLSearchParams(location.search).has("__theme"))
    document.body.classList.toggle("dark", theme === "dark");
}
