// The share menu of the bar: the link to exactly what is on the screen, copied or as a QR code that a
// room can read from its seats. In a class the speaker's code leads to the page that follows.
import { classroom } from "../shared/classroom.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
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

  /** Beneath the code of a class: its address, who is there, and what they may do. */
  const phones = el("p", { class: "gb-class-phones", role: "status" }),
    may = el("input", { type: "checkbox" });
  may.addEventListener("change", () => emit("allow", may.checked));
  const hear = () => {
    const heard = classroom();
    if (!heard?.speaker) return;
    find("[data-id=code]").textContent = "Let the room follow";
    phones.textContent = `${heard.phones} phone${heard.phones === 1 ? "" : "s"} here`;
    may.checked = heard.may_change;
  };
  on("class", hear);
  const forClass = () => [
    el("p", { class: "gb-class-address" }, classroom().address.replace(/^http:\/\//, "")),
    phones,
    el("label", { class: "gb-small" }, may, "Phones may train and write"),
  ];
  const forLink = () => [
    el(
      "p",
      { class: "gb-small" },
      LOCAL.test(location.host)
        ? "This address works on this machine alone. Start with --host 0.0.0.0 and open the page by this machine's address."
        : location.host,
    ),
  ];

  find("[data-id=code]").addEventListener("click", async () => {
    const speaks = classroom()?.speaker;
    try {
      const { rows } = await ask("draw_code", { link: speaks ? classroom().address : location.href });
      box.replaceChildren(drawCode(rows), ...(speaks ? forClass() : forLink()));
      box.hidden = false;
    } catch (error) {
      notice(error.message);
    }
  });
  menu.addEventListener("toggle", () => {
    if (!menu.open) box.hidden = true;
  });
};
