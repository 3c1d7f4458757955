// What becomes of a run when this tab closes: it goes on, unless the tab was told to take it along. The choice is the
// tab's own and stands in its address. A farewell says nothing of a reload, so the server waits for the tab to be back.
import { address } from "../shared/address.js";
import { post } from "../shared/server.js";
import { remembers } from "../shared/storage.js";

const GONE = "glassbox.gone";

/** Ask without waiting for an answer: such a question outlives the page. */
const tell = (fn, args) => post("run", fn, args, { keepalive: true }).catch(() => {});
/** A note that survives a reload of this tab and nothing else; where storage is forbidden there is none. */
function noted(key, value) {
  try {
    const before = sessionStorage.getItem(key);
    if (value) sessionStorage.setItem(key, value);
    else sessionStorage.removeItem(key);
    return before;
  } catch {
    return null;
  }
}

addEventListener("pagehide", () => {
  if (address.get("close") !== "stop" && remembers()) return;
  noted(GONE, "yes");
  tell("note_presence", { present: false });
});
const back = ({ persisted = false } = {}) => {
  if (noted(GONE, null) || persisted) tell("note_presence", { present: true });
};
back(); // after a reload
addEventListener("pageshow", back); // after a way back that found the page as it was left

/** @param {HTMLSelectElement} menu the form's, of "go on" and "stop" */
export const tabClosing = (menu) => {
  menu.value = address.get("close") === "stop" ? "stop" : "go on";
  menu.addEventListener("input", () => address.set({ close: menu.value === "stop" ? "stop" : null }));
};
