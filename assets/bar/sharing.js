// The share menu of the bar: the link to exactly what is on the screen, copied or as a QR code that a
// room can read from its seats.
import { el } from "../shared/elements.js";
import { closableMenu } from "../shared/menu.js";

/** @import { Parts } from "../shared/panel.js" */

const LOCAL = /^(localhost|127\.|\[::1\]|0\.0\.0\.0)/;

/** Modules as one path, a unit square for each dark one. */
function drawCode(rows) {
  const space = "http://www.w3.org/2000/svg",
    svg = document.createElementNS(space, "svg"),
    path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", `0 0 ${rows.length} ${rows.length}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "QR code of the link to this view");
  svg.setAttribute("shape-rendering", "crispEdges");
  path.setAttribute(
    "d",
    rows.map((row, y) => [...row].map((dark, x) => (dark === "1" ? `M${x} ${y}h1v1h-1z` : "")).join("")).join(""),
  );
  svg.append(path);
  return svg;
}

/**
 * Bring the menu to life.
 * @param {Pick<Parts, "ask" | "find" | "notice">} parts
 */
export const shareMenu = ({ ask, find, notice }) => {
  const menu = find("[data-id=share]"),
    copy = find("[data-id=copy]"),
    box = find("[data-id=qr]");
  closableMenu(menu);
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      copy.textContent = "Copied";
      setTimeout(() => {
        copy.textContent = "Copy the link";
        menu.open = false;
      }, 900);
    } catch {
      notice("Copy the address of this page: it holds the model, the moment and the prompt.", "info");
    }
  });
  find("[data-id=code]").addEventListener("click", async () => {
    try {
      const { rows } = await ask("draw_code", { link: location.href });
      box.replaceChildren(
        drawCode(rows),
        el(
          "p",
          { class: "gb-small" },
          LOCAL.test(location.host)
            ? "This address works on this machine alone. Start with --host 0.0.0.0 and open the page by this machine's address."
            : location.host,
        ),
      );
      box.hidden = false;
    } catch (error) {
      notice(error.message);
    }
  });
  menu.addEventListener("toggle", () => {
    if (!menu.open) box.hidden = true;
  });
};
