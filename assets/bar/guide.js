// What the station of the course that is underway asks for, in every view it leads to. The server says when it is done.
import { address } from "../shared/address.js";
import { course, guessedRight } from "../shared/course.js";
import { on } from "../shared/events.js";
import { panel } from "../shared/panel.js";
import { asker } from "../shared/server.js";
import { subject } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import { withTerms } from "../shared/terms.js";

/** @import { Station } from "../shared/course.js" */

const LOOK = 400; // milliseconds between two looks at where the visitor is
const ELSEWHERE = ["station", "model", "step", "prompt", "tab", "view"]; // what a request says in fields of its own

panel("guide", ({ root, find, notice }) => {
  const ask = asker("path");
  let path = null, // the course, once it is needed
    looked = "", // what was asked about last
    timer = null;

  const view = () =>
    [...document.querySelectorAll(".gb-view[data-gb-on]")]
      .find((one) => one instanceof HTMLElement && one.offsetParent !== null)
      ?.id.slice("gb-".length);

  /** @param {Station} station */
  function draw(station) {
    const { guess, answer, finding } = course.progress(station.name),
      done = finding !== undefined;
    const right = done && guess !== undefined && guessedRight(station, { guess, answer });
    root.dataset.done = String(done);
    find("[data-id=where]").textContent = `${done ? "✓ " : ""}${path.stations.indexOf(station) + 1}`;
    find("[data-id=task]").replaceChildren(
      ...(done ? [`${right ? "You guessed it. " : ""}${finding}`] : withTerms(station.words.task, path.glossary)),
    );
    find("[data-id=back]").classList.toggle("gb-primary", done);
  }

  /** Look where the visitor is; as long as a station is underway, again and again. */
  async function look() {
    clearTimeout(timer);
    const name = course.underway(),
      there = view();
    if (name === null || there === undefined || there === "path") {
      root.hidden = true;
      looked = "";
    } else await check(name, there);
    clearTimeout(timer); // another look may have begun while this one waited
    if (name !== null) timer = setTimeout(look, LOOK);
  }

  async function check(name, there) {
    try {
      path ??= await ask("read_path");
      const station = path.stations.find((one) => one.name === name);
      root.hidden = station === undefined;
      if (!station) return;
      const settings = Object.fromEntries([...address.all()].filter(([key]) => !ELSEWHERE.includes(key)));
      const place = { station: name, view: there, ...subject, settings };
      if (looked === JSON.stringify(place)) return;
      looked = JSON.stringify(place);
      draw(station);
      const { done, answer, finding } = await ask("check_station", place);
      if (!done || course.underway() !== name) return;
      course.note(name, { answer, finding });
      draw(station);
    } catch (error) {
      notice(error.message);
    }
  }

  find("[data-id=back]").addEventListener("click", () => openView("model", "path"));
  find("[data-id=close]").addEventListener("click", () => {
    address.set({ station: null });
    look();
  });
  for (const event of ["address", "station"]) on(event, look);
  look();
});
