// Keys of the whole page: P presents to a room, F freezes every picture.
import { emit } from "./events.js";

/** Whether a key belongs to the field that has the focus. */
const typing = (target) => target instanceof Element && target.closest("input, textarea, select, [contenteditable]");

/** Present to a room: large letters, little else. */
export function room(onOff = !document.body.classList.contains("gb-room")) {
  document.body.classList.toggle("gb-room", onOff);
  emit("room", onOff);
}

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
  emit("key", event);
});
document.addEventListener(
  "pointermove",
  (event) => {
    if (!document.body.classList.contains("gb-room")) return;
    document.body.style.setProperty("--gb-x", `${event.clientX}px`);
    document.body.style.setProperty("--gb-y", `${event.clientY}px`);
  },
  { passive: true },
);
