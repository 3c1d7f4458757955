// What a run wrote, answered and found surprising at its evaluations: the newest first, and any of them by slider.
import { canvas2d } from "../shared/canvas.js";
import { cssRgb, palette } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";
import { tip } from "../shared/tooltip.js";
import { examSheet } from "./exam.js";
import { runState } from "./run_state.js";

const SAMPLES = 12;
const ABOUT = {
  writes: ["What it writes", "After the same opening and with the same luck each time."],
  answers: ["What it answers", "To new questions, one column each, always with the likeliest next character."],
  both: ["What it answers", "Left of the line to questions it was never shown, right of it to some it was trained on."],
  reads: ["What surprises it", "A passage it has not seen: how much each token surprised it."],
};

/** Ink that can be read on a colour. */
const inkOn = ([r, g, b]) => ((0.2126 * r + 0.7152 * g + 0.0722 * b) / 255 > 0.45 ? "#16191f" : "#e8ebf0");

/** A validation passage whose tokens are coloured by how much they surprised the model. */
function passagePicture(find) {
  const box = find("[data-id=passage]");
  let tokens = [],
    texts = [],
    losses = null;

  box.addEventListener("pointermove", ({ target, clientX, clientY }) => {
    const k = tokens.indexOf(target),
      nats = losses?.[k - 1]; // the first token has nothing before it, and no loss
    if (nats === undefined) return tip.hide();
    const odds = format.probability(Math.exp(-nats));
    tip.show(clientX, clientY, visible(texts[k]), `${format.number(nats)} nats: the model gave it ${odds}`);
  });
  box.addEventListener("pointerleave", () => tip.hide());

  return (moment, backdrop) => {
    losses = moment?.passage ?? null;
    if (!losses) return;
    if (texts !== backdrop.passage) {
      texts = backdrop.passage;
      tokens = texts.map((text) => el("span", {}, text));
      box.replaceChildren(...tokens);
    }
    // The right end of the colours is the loss of knowing nothing.
    const colours = palette("surprise"),
      most = backdrop.baselines[0]?.loss ?? 8;
    losses.forEach((nats, k) => {
      const colour = colours[Math.round(255 * Math.min(1, nats / most))];
      tokens[k + 1].style.background = cssRgb(colour);
      tokens[k + 1].style.color = inkOn(colour);
    });
    const ramp = canvas2d(find("[data-id=ramp]"), 96, 10);
    colours.forEach((colour, k) => {
      ramp.fillStyle = cssRgb(colour);
      ramp.fillRect((k * 96) / 256, 0, 1, 10);
    });
    find("[data-id=ramp-end]").textContent = `${format.number(most)} nats`;
  };
}

function drawSamples(list, moments) {
  const shown = moments
    .filter((moment) => moment.sample)
    .slice(-SAMPLES)
    .reverse();
  const empty = el("li", { class: "gb-soft" }, "Samples appear here at every evaluation, the newest first.");
  const written = shown.map(({ step, sample: { prompt, text } }) =>
    el(
      "li",
      {},
      el("time", {}, `step ${format.whole(step)}`),
      el("p", {}, el("span", { class: "gb-given" }, prompt.trimStart()), prompt.trim() ? text : text.trimStart()),
    ),
  );
  list.replaceChildren(...(written.length ? written : [empty]));
}

/**
 * The evaluations, in the markup of the view.
 * @param {{ find: (selector: string) => any, scrubbed: (step: number | null) => void }} parts scrubbed(step) hears of an
 *   evaluation that a person chose, or null for the newest one
 */
function moments({ find, scrubbed }) {
  const slider = find("[data-id=moment]"),
    drawPassage = passagePicture(find),
    drawExam = examSheet(find);
  let digest = runState(),
    backdrop = { baselines: [], exam: [], passage: [] },
    at = null,
    key = "",
    reading = false; // a passage, rather than what it writes or answers

  function choose(i) {
    at = i === digest.moments.length - 1 ? null : digest.moments[i].step;
    scrubbed(at);
    draw();
  }
  slider.addEventListener("input", () => choose(slider.valueAsNumber));
  find("[data-id=reading]").addEventListener("click", ({ target }) => {
    if (!target.dataset.value) return;
    reading = target.dataset.value === "passage";
    draw(true);
  });

  /** Which moment is looked at: the chosen one or the last before it, else the newest. */
  function index() {
    const found = at === null ? digest.moments.length - 1 : digest.moments.findLastIndex((moment) => moment.step <= at);
    return Math.max(0, found);
  }

  function draw(force = false) {
    const known = digest.moments,
      i = index(),
      moment = known[i],
      task = backdrop.exam.length > 0;
    const step = moment ? `step ${format.whole(moment.step)}` : "";
    find("[data-id=scrub]").hidden = known.length < 2;
    slider.max = Math.max(0, known.length - 1);
    slider.value = i;
    find("[data-id=moment-step]").textContent = at === null && moment ? `${step} · newest` : step;
    const now = `${known.length} ${known.at(-1)?.step} ${i} ${Object.keys(known.at(-1) ?? {}).length}`;
    if (now === key && !force) return;
    key = now;
    const passage = Boolean(moment?.passage && backdrop.passage.length),
      reads = reading && passage;
    find("[data-id=reading]").hidden = !passage;
    find("[data-id=as-written]").textContent = task ? "answering" : "writing";
    for (const button of find("[data-id=reading]").children)
      button.setAttribute("aria-pressed", String((button.dataset.value === "passage") === reads));
    const two = backdrop.exam.some(([, , seen]) => seen),
      [title, about] = ABOUT[reads ? "reads" : !task ? "writes" : two ? "both" : "answers"];
    find("[data-id=moment-title]").textContent = title;
    find("[data-id=moment-about]").textContent = about;
    find("[data-id=passage-box]").hidden = !reads;
    find("[data-id=samples]").hidden = task || reads;
    find("[data-id=exam]").hidden = !task || reads || !known.some((other) => other.exam);
    if (reads) drawPassage(moment, backdrop);
    else if (task) drawExam(known.slice(0, i + 1), backdrop.exam);
    else drawSamples(find("[data-id=samples]"), known.slice(0, i + 1));
  }

  return {
    /** Show a run's moments; the same run again only looks for newer ones. */
    show(of, against) {
      const other = of !== digest;
      if (other) [digest, backdrop, at] = [of, against, null];
      draw(other);
    },
    /** Look at the evaluation of that step or the last before it; null for the newest. */
    goTo(step) {
      at = step;
      draw();
    },
    /** Look at an evaluation so many further on. */
    move(by) {
      if (digest.moments.length) choose(Math.max(0, Math.min(digest.moments.length - 1, index() + by)));
    },
    get at() {
      return at;
    },
    redraw: () => draw(true),
  };
}

export { moments as runMoments };
