// The course: its stations, one of them open, and the glossary. Which one is open is in the address; guesses and
// findings stay in this browser.
import { address } from "../shared/address.js";
import { course, guessedRight } from "../shared/course.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { leadBy } from "../shared/lead_keys.js";
import { panel } from "../shared/panel.js";
import { inRoom } from "../shared/presenting.js";
import { withTerms } from "../shared/terms.js";

/** @import { Answers } from "../answers.js" */
/** @import { Station } from "../shared/course.js" */

const UNITS = { percent: "%", number: "", tokens: "tokens", nats: "nats a token" };
const COPIED = 900; // milliseconds that a button says so
const titled = (name) => `${name[0].toUpperCase()}${name.slice(1).replaceAll("_", " ")}`;
const placeOf = ({ start }) => `${titled(start.tab)}, ${titled(start.view)}`;

panel("path", ({ root, ask, find, notice, say, count }) => {
  const part = (id) => find(`[data-id=${id}]`);
  /** @type {Answers["read_path"]} */ let path = null;

  const index = () =>
    Math.max(
      0,
      path.stations.findIndex(({ name }) => name === course.underway()),
    );
  const done = ({ name }) => course.progress(name).finding !== undefined;

  async function refresh() {
    if (path === null) {
      path = await ask("read_path");
      fillGlossary();
    }
    draw();
  }

  // ---- drawing ------------------------------------------------------------------------------------

  function draw() {
    const at = index(),
      station = path.stations[at],
      words = (text) => withTerms(text, path.glossary);
    drawStops(at);
    part("where").textContent = `Station ${at + 1} of ${path.stations.length}, ${station.minutes} min`;
    part("title").textContent = station.words.title;
    part("question").replaceChildren(...words(station.words.question));
    drawGuess(station);
    part("task").replaceChildren(...words(station.words.task));
    part("begin").textContent = `Open ${placeOf(station)}`;
    part("why").replaceChildren(...words(station.words.why));
    part("code").textContent = outdented(station.code).join("\n");
    part("line").textContent = `${path.file}, line ${span(station.lines)}`;
    const { by, title, section, link } = station.paper;
    part("paper").replaceChildren(
      `${by}, `,
      el("a", { href: link, target: "_blank", rel: "noopener" }, title),
      `, section ${section}`,
    );
    drawFound(station);
    part("next").hidden = at === path.stations.length - 1;
    count(`${at + 1} / ${path.stations.length}`);
    say(inRoom() ? `Station ${at + 1}: ${station.words.title}` : "");
  }

  function drawStops(at) {
    part("stops").replaceChildren(
      ...path.stations.map((station, i) =>
        el(
          "button",
          {
            type: "button",
            "aria-current": i === at ? "step" : null,
            data: { done: done(station) },
            title: station.words.title,
            onclick: () => go(i),
          },
          el("b", {}, done(station) ? "✓" : String(i + 1)),
          el("span", {}, station.words.title, el("span", { class: "gb-sr" }, done(station) ? ", done" : "")),
        ),
      ),
    );
  }

  /** @param {Station} station */
  function drawGuess(station) {
    const { guess } = course.progress(station.name);
    const take = (value) => {
      course.note(station.name, { guess: value === "" ? undefined : value });
      drawFound(station);
    };
    const fields = station.choices.map(({ name, text }) =>
      el(
        "label",
        { class: "gb-check" },
        el("input", {
          type: "radio",
          name: "guess",
          value: name,
          checked: name === guess,
          onchange: () => take(name),
        }),
        text,
      ),
    );
    const number = () =>
      el(
        "label",
        { class: "gb-check" },
        "Your guess",
        el("input", {
          type: "number",
          name: "guess",
          min: 0,
          step: "any",
          value: guess ?? "",
          oninput: (event) => take(event.target.value),
        }),
        UNITS[station.unit],
      );
    part("guess").replaceChildren(...(fields.length ? fields : [number()]));
  }

  /** @param {Station} station */
  function drawFound(station) {
    const { guess, answer, finding } = course.progress(station.name),
      found = finding !== undefined;
    part("found").hidden = !found;
    part("reasons").open = found;
    part("onwards").hidden = !found;
    part("begin").classList.toggle("gb-primary", !found);
    if (!found) return;
    part("finding").textContent = finding;
    const said = station.choices.find(({ name }) => name === guess)?.text ?? `${guess} ${UNITS[station.unit] ?? ""}`;
    part("verdict").textContent =
      guess === undefined
        ? "You had no guess."
        : guessedRight(station, { guess, answer })
          ? "You guessed it."
          : `You said: ${said.trim()}.`;
  }

  function fillGlossary() {
    part("count").textContent = `Glossary, ${format.whole(path.glossary.length)} terms`;
    part("glossary").replaceChildren(
      ...[...path.glossary]
        .sort((a, b) => a.title.localeCompare(b.title))
        .flatMap(({ title, says }) => [el("dt", {}, title), el("dd", {}, says)]),
    );
  }

  const span = (lines) => (lines.length > 1 ? `${lines[0]} to ${lines[lines.length - 1]}` : String(lines[0]));
  function outdented(lines) {
    const indent = Math.min(...lines.map((line) => line.search(/\S|$/)));
    return lines.map((line) => line.slice(indent));
  }

  // ---- going --------------------------------------------------------------------------------------

  function go(i) {
    const at = Math.max(0, Math.min(path.stations.length - 1, i));
    address.set({ station: path.stations[at].name });
    emit("station");
    draw();
    part("station").scrollTop = 0;
    part("station").focus({ preventScroll: true }); // Enter is its own from here on
  }
  const by = (count) => () => path && go(index() + count);

  function begin() {
    if (path) location.hash = course.begins(path.stations[index()]);
  }

  part("guess").addEventListener("submit", (event) => event.preventDefault());
  part("begin").addEventListener("click", begin);
  part("next").addEventListener("click", by(1));
  part("forget").addEventListener("click", () => {
    course.forget();
    draw();
  });
  part("copy").addEventListener("click", async ({ target }) => {
    const link = location.origin + location.pathname + course.link(path.stations[index()].name);
    try {
      await navigator.clipboard.writeText(link);
      target.textContent = "Copied";
      setTimeout(() => {
        target.textContent = "Copy the link";
      }, COPIED);
    } catch {
      notice(`This is the station's address: ${link}`, "info");
    }
  });
  leadBy(root, { ArrowDown: by(1), ArrowRight: by(1), ArrowUp: by(-1), ArrowLeft: by(-1), Enter: begin });

  const again = () => {
    if (path && root.offsetParent !== null) draw();
  };
  on("address", again);
  return { refresh, theme: again, resize: again };
});
