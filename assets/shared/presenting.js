// Keys of the whole page, and the room: P leaves the picture alone on the screen, F freezes every picture.
import { emit } from "./events.js";

const EDGE = 12; // CSS pixels below the top edge that bring the controls back in a room

/** Whether a key belongs to the field that has the focus. */
const typing = (target) => target instanceof Element && target.closest("input, textarea, select, [contenteditable]");

/** Whether the picture is alone on the screen. */
export const inRoom = () => document.body.classList.contains("gb-room");

/** Leave the picture alone on the screen, over all of it where the browser lets us; or bring everything back. */
export function room(onOff = !inRoom()) {
  document.body.classList.toggle("gb-room", onOff);
  document.body.classList.remove("gb-controls");
  const whole = document.fullscreenElement !== null;
  // A browser may refuse, in a frame say; the room works without.
  if (onOff && !whole) document.documentElement.requestFullscreen?.().catch(() => {});
  if (!onOff && whole) document.exitFullscreen().catch(() => {});
  emit("room", onOff);
}
// Esc leaves the full screen before any script hears of it.
document.addEventListener("fullscreenchange", () => {
  if (document.fullscreenElement === null && inRoom()) room(false);
});

/** Frozen, every picture stays as it is, whatever trains or is chosen; it catches up when released. */
export const frozen = () => document.body.classList.contains("gb-frozen");
function freeze(onOff = !frozen()) {
  document.body.classList.toggle("gb-frozen", onOff);
  emit("freeze", onOff);
}

document.addEventListener("keydown", (event) => {
  if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "p" || event.key === "P") room();
  if (event.key === "f" || event.key === "F") freeze();
  if (event.key === "Escape" && inRoom()) room(false);
  if (event.key === "/") {
    event.preventDefault(); // or the slash would be typed
    document.body.classList.toggle("gb-controls", inRoom());
    emit("prompt");
  }
  if (event.key === "[" || event.key === "]") emit("moment", event.key === "[" ? -1 : 1);
  emit("key", event);
});
document.addEventListener(
  "pointermove",
  (event) => {
    if (!inRoom()) return;
    document.body.style.setProperty("--gb-x", `${event.clientX}px`);
    document.body.style.setProperty("--gb-y", `${event.clientY}px`);
    const controls = document.body.classList.contains("gb-controls");
    if (!controls && event.clientY < EDGE) document.body.classList.add("gb-controls");
    const over =
      event.target instanceof Element &&
      event.target.closest("#gb-bar, #gb-tab-row, #gb-timeline, #gb-guide, .gb-menu");
    if (controls && !over && !typing(document.activeElement)) document.body.classList.remove("gb-controls");
  },
  { passive: true },
);
