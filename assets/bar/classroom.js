// A class: the speaker's page tells its state whenever that changes; a phone's page becomes that state, until
// somebody touches it and turns to something else. One tap leads back.
import { address } from "../shared/address.js";
import { classroom, listen } from "../shared/classroom.js";
import { emit, on } from "../shared/events.js";
import { beginAgain, panel } from "../shared/panel.js";
import { look, renew, subject } from "../shared/subject.js";

const SOON = 100, // milliseconds after which the speaker's state is told
  TOUCHED = 2000, // milliseconds after a touch within which what changes is somebody's wish
  SETTLED = 300; // milliseconds without a new setting after which views begin again
const FOCUS = ["head", "cell"], // read anew by every view that hears "focus"
  PLACE = ["model", "step", "prompt", "tab", "view"];

panel("classroom", ({ root, ask, find, notice }) => {
  const following = find("[data-id=following]"),
    back = find("[data-id=return]");
  let follows = true,
    touched = -TOUCHED,
    becoming = false,
    known = null, // the state that this phone shows
    told = null; // and its number

  // ---- the speaker --------------------------------------------------------------------------------

  let wait = null;
  function tell() {
    if (!classroom()?.speaker || subject.model === null) return;
    clearTimeout(wait);
    wait = setTimeout(() => {
      ask("show_class", { state: location.hash.slice(1) }).catch((error) => notice(error.message));
    }, SOON);
  }
  for (const event of ["moved", "address", "stale", "found"]) on(event, tell);
  on("allow", (may) => ask("allow_class", { may_change: may }).catch((error) => notice(error.message)));

  // ---- a phone ------------------------------------------------------------------------------------

  /** Show what the speaker shows, as if somebody had opened that address here. */
  function become(state) {
    const changed = address.become(`#${state}`);
    if (subject.model === null) return; // the bar is about to read the address
    if (changed.includes("model")) emit("address");
    else {
      const step = Number.parseInt(address.get("step", ""), 10);
      look({ step: Number.isNaN(step) ? null : step, prompt: address.get("prompt", subject.prompt) });
      if (changed.some((key) => key === "tab" || key === "view")) emit("address");
    }
    if (changed.some((key) => FOCUS.includes(key))) emit("focus");
    if (changed.some((key) => !FOCUS.includes(key) && !PLACE.includes(key))) again();
  }
  let settling = null;
  function again() {
    clearTimeout(settling);
    settling = setTimeout(beginAgain, SETTLED);
  }

  /** @param {import("../shared/classroom.js").Heard} heard */
  function follow({ state, told: number }) {
    if (!follows || typeof state !== "string" || number === told) return;
    const same = state === known;
    [known, told] = [state, number];
    becoming = true;
    if (same)
      renew(); // its newest moment moved on
    else become(state);
    becoming = false;
  }
  let begun = false;
  on("subject", () => {
    if (begun || classroom()?.speaker !== false) return;
    begun = becoming = true;
    emit("address"); // tabs and views may have begun with the address before
    becoming = false;
  });
  function show() {
    root.hidden = Boolean(classroom()?.speaker);
    following.hidden = !follows;
    back.hidden = follows;
  }
  const touch = () => {
    touched = performance.now();
  };
  for (const event of ["pointerdown", "pointerup", "keydown", "input", "wheel"])
    document.addEventListener(event, touch, { capture: true, passive: true });
  const leave = () => {
    const heard = classroom();
    if (!heard || heard.speaker || becoming || performance.now() - touched > TOUCHED) return; // nobody wished it
    follows = false;
    show();
  };
  for (const event of ["moved", "address"]) on(event, leave);
  back.addEventListener("click", () => {
    [follows, known, told, touched] = [true, null, null, -TOUCHED];
    show();
    follow(classroom());
  });

  let speaks = null;
  on("class", (heard) => {
    if (heard.speaker && speaks !== true) tell();
    speaks = heard.speaker;
    show();
    for (const line of document.querySelectorAll(".gb-only-looks")) line.textContent = heard.only_looks;
    if (!speaks) follow(heard);
  });
  listen();
});
