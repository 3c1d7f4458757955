// The way back: a step of learning in four phases. The server makes the step once, a part at each question: the text is
// there at once, the step when it was made, the losses along it one by one. All that is led through is in its answer. The phase, the learning rate, the piece of text and what it is taken from live in the address.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { leadBy } from "../shared/lead_keys.js";
import { floatsOf } from "../shared/numbers.js";
import { panel } from "../shared/panel.js";
import { savePicture } from "../shared/picture_file.js";
import { roving } from "../shared/roving.js";
import { running, shade, strip } from "../shared/shades.js";
import { visible } from "../shared/tokens/visible.js";
import { tip } from "../shared/tooltip.js";
import { player } from "./player.js";
import { drawCurve, times } from "./step_curve.js";
import { partHint, tokenHint } from "./step_hints.js";
import { stepParts } from "./step_parts.js";
import { caption, many, says, shading, small } from "./step_words.js";

const PHASES = ["predict", "gradient", "update", "again"];
const PACE = 3000; // milliseconds that Play stays with a phase
const OWN = 1; // the factor of the step itself
const MAX_PIECES = 1000;
const WORK = ["Reading the text", "The gradient", "The update", "Reading it again"]; // and again, at each learning rate
const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;

panel("learning_step", ({ root, ask, find, all, notice, say, count }) => {
  const part = (id) => find(`[data-id=${id}]`);
  const drawParts = stepParts(part("parts"), { onHover: hintPart });
  let subject = null,
    shown = null, // the answer, its arrays unpacked
    asked = "", // the question that it answers
    loading = false,
    stopped = false, // before the step was whole
    layer = 0, // whose stream shades the text in the second phase
    turn = 0;

  // ---- what the address says ------------------------------------------------------------------------

  const phase = () => Math.max(0, PHASES.indexOf(address.get("phase")));
  const piece = () => Number(/^\d{1,3}$/.exec(address.get("passage") ?? "")?.[0] ?? 0);
  const source = () => (address.get("on") === "prompt" ? "prompt" : "text");
  function factor() {
    const i = shown.factors.indexOf(Number(address.get("times") ?? OWN));
    return shown.known[i] ? i : shown.factors.indexOf(OWN);
  }

  // ---- data ---------------------------------------------------------------------------------------

  async function refresh(next) {
    subject = next;
    await load();
  }

  async function load() {
    const mine = (turn += 1),
      question = { ...subject, piece: piece(), source: source() };
    // Of its own text a model says the same whatever is written in the bar.
    const name = JSON.stringify(
      shown?.own && question.source === "text" ? { ...question, prompt: shown.of } : question,
    );
    if (name === asked && whole(shown)) return draw();
    part("back").classList.toggle("gb-stale", shown !== null);
    stopped = false;
    loading = true;
    const begun = performance.now();
    try {
      for (let answer = null; !whole(answer) && root.offsetParent !== null; ) {
        answer = await ask("read_learning_step", question);
        if (mine !== turn) return;
        take(answer, question);
        drawProgress(answer.made, (performance.now() - begun) / 1000);
      }
    } catch (error) {
      if (mine === turn) part("empty").hidden = !part("stage").hidden;
      throw error;
    } finally {
      if (mine === turn) {
        loading = false;
        part("back").classList.remove("gb-stale");
        drawProgress();
      }
    }
  }
  const whole = (answer) => answer && (answer.tokens.length === 0 || answer.made.done === answer.made.parts);

  function take(answer, question) {
    const empty = answer.tokens.length === 0;
    part("empty").hidden = !empty;
    part("stage").hidden = empty;
    if (empty) {
      shown = null;
      asked = "";
      say();
      return;
    }
    if (!answer.losses) {
      if (shown === null) part("reading").replaceChildren(...running(answer.tokens));
      return;
    }
    const T = answer.tokens.length - 1,
      rows = (packed) => {
        const values = floatsOf(packed);
        return Array.from({ length: values.length / T }, (_, i) => values.subarray(i * T, (i + 1) * T));
      };
    const another = asked !== JSON.stringify(question);
    asked = JSON.stringify(question);
    shown = {
      ...answer,
      of: question.prompt,
      losses: rows(answer.losses),
      odds: rows(answer.odds),
      stream: rows(answer.stream),
    };
    shown.means = shown.losses.map((losses, i) => (shown.known[i] ? mean(losses) : NaN));
    if (another) layer = 0;
    draw();
  }

  /** How far the step is; nothing without `made`. */
  function drawProgress(made = { done: 1, parts: 1 }, seconds = 0) {
    const { done, parts } = made;
    part("back").classList.toggle("gb-making", shown === null);
    part("progress").hidden = done === parts;
    part("progress").querySelector("progress").value = done / parts;
    const left = done > 1 ? `, ${format.seconds((seconds / done) * (parts - done))} left` : "";
    part("left").textContent = WORK[Math.min(done, WORK.length - 1)] + left;
    part("resume").hidden = !stopped;
    if (shown === null) part("says").textContent = stopped ? "Stopped before the step was made." : "";
  }

  const safely = (work) => work.catch((error) => notice(error.message));
  function go(changes, { byPlay = false } = {}) {
    if (!byPlay) pause();
    address.set(changes);
    if (!shown && !("on" in changes)) return;
    if ("passage" in changes || "on" in changes) safely(load());
    else draw();
  }
  const toPhase = (i, how) => go({ phase: i ? PHASES[Math.max(0, Math.min(PHASES.length - 1, i))] : null }, how);
  function toFactor(i) {
    const to = shown.factors[Math.max(0, Math.min(shown.factors.length - 1, i))];
    go({ times: to === OWN ? null : to, phase: "again" });
  }

  // ---- drawing ------------------------------------------------------------------------------------

  function shadeText() {
    const { values, shift, map, place, unit, ticks } = shading(shown, phase(), factor(), layer);
    for (const node of all("[data-id=reading] .gb-token")) {
      const x = values[Number(node.dataset.at) - shift];
      shade(node, map, x === undefined || Number.isNaN(x) ? null : place(x));
      node.classList.toggle("gb-unseen", x === undefined);
    }
    part("unit").textContent = unit;
    strip(part("legend"), map, ticks);
  }

  function draw() {
    const now = phase(),
      { factors, parts } = shown;
    part("back").classList.remove("gb-making", "gb-stale");
    for (const button of all("[data-id=phases] button"))
      button.setAttribute("aria-pressed", String(button.value === PHASES[now]));
    for (const button of all("[data-id=source] button"))
      button.setAttribute("aria-pressed", String(button.value === source()));
    part("reading").replaceChildren(...running(shown.tokens));
    settleTokens();
    shadeText();
    const figure = {
      predict: ["Weights: the size of each part", (one) => one.weight],
      gradient: ["Gradient: how hard the loss pulls at each part", (one) => one.gradient],
      update: ["Update beside the weight: ratio of their sizes", (one) => one.update / one.weight || 0],
      again: [
        `Update beside the weight, ${times(factors[factor()])}`,
        (one) => (factors[factor()] * one.update) / one.weight || 0,
      ],
    }[PHASES[now]];
    part("figure").textContent = figure[0];
    const stream = now === 1 ? shown.stream.map((row) => Math.hypot(...row)) : null;
    drawParts(new Map(parts.map((one) => [one.key, figure[1](one)])), stream, shown.layers);
    part("says").textContent = says(shown, phase(), factor());
    const slider = part("rate");
    slider.max = String(factors.length - 1);
    slider.value = String(factor());
    slider.setAttribute(
      "aria-valuetext",
      `${times(factors[factor()])}: ${format.number(shown.rate * factors[factor()])}`,
    );
    drawCurve(part("curve"), factors, shown.means, factor(), toFactor);
    drawRail();
    count(`${now + 1} / ${PHASES.length}`);
    say(caption(shown, phase(), factor()));
  }

  function drawRail() {
    const { rows, places, title, own, ofRun, remembered, optimizer, rate, matrixRate, step } = shown;
    part("origin").textContent = own
      ? `Piece ${piece() + 1} of ${title}, from what it learnt.`
      : source() === "prompt"
        ? "The prompt in the bar above."
        : "The text that this model learnt from isn't here: this is the prompt.";
    part("piece").disabled = !own;
    const rates = matrixRate === null ? small(rate) : `${small(rate)}, of matrices ${small(matrixRate)}`;
    part("optimizer").textContent = [
      `${optimizer}, learning rate ${rates}${ofRun ? "" : ", as a training here usually ends"}.`,
      remembered
        ? `Its moments are those of the run after ${many(step, "update")}.`
        : "Its moments of this moment weren't kept, so it begins with empty ones.",
    ].join(" ");
    part("rows").textContent =
      `${format.whole(rows.any)} of ${format.whole(rows.all)} get a gradient, ${rows.read} by being read. Of positions ${places.any} of ${format.whole(places.all)}.`;
    part("most").replaceChildren(
      el("tr", {}, el("th", {}, "row"), el("th", {}, "gradient"), el("th", {}, "by reading")),
      ...rows.most.map((one) =>
        el(
          "tr",
          {},
          el("td", { class: "gb-mono" }, visible(one.text)),
          el("td", {}, format.number(one.gradient)),
          el("td", {}, format.number(one.read)),
        ),
      ),
    );
  }

  // ---- pointing -----------------------------------------------------------------------------------

  function hintPart(key, event) {
    if (!shown || !key) return unhint();
    if (key.startsWith("stream.") && layer !== Number(key.slice(7))) {
      layer = Number(key.slice(7));
      shadeText();
    }
    return hint(partHint(key, shown, factor()), event);
  }

  /** @param {HTMLElement | null} node @param {{ clientX: number, clientY: number }} event */
  function hintToken(node, event) {
    if (node && shown) hint(tokenHint(Number(node.dataset.at), shown, factor()), event);
  }
  function hint({ lines, said }, { clientX, clientY }) {
    tip.show(clientX, clientY, ...lines);
    if (said) say(said);
  }
  const unhint = () => {
    tip.hide();
    if (shown) say(caption(shown, phase(), factor()));
  };
  part("reading").addEventListener("pointerover", (event) => hintToken(event.target.closest(".gb-token"), event));
  part("reading").addEventListener("pointerleave", unhint);
  const settleTokens = roving(part("reading"), ".gb-token", { onLook: hintToken, onLeave: unhint });

  // ---- leading ------------------------------------------------------------------------------------

  const { pause, toggle } = player(part("play"), root, {
    pace: PACE,
    atEnd: () => phase() === PHASES.length - 1,
    begin() {
      if (!shown) return null;
      toPhase(phase() === PHASES.length - 1 ? 0 : phase() + 1, { byPlay: true });
      return PACE;
    },
    next: () => toPhase(phase() + 1, { byPlay: true }),
  });
  const by = (count) => () => shown && toPhase(phase() + count);
  const faster = (count) => () => shown && toFactor(factor() + count);
  const along = (count) => () =>
    shown?.own && go({ passage: (piece() + count + MAX_PIECES) % MAX_PIECES || null, phase: address.get("phase") });

  part("phases").addEventListener("click", (event) => {
    if (event.target.value) toPhase(PHASES.indexOf(event.target.value));
  });
  part("play").addEventListener("click", toggle);
  part("rate").addEventListener("input", (event) => toFactor(Number(event.target.value)));
  part("piece").addEventListener("click", along(1));
  part("stop").addEventListener("click", () => {
    turn += 1;
    loading = false;
    stopped = true;
    part("back").classList.remove("gb-stale");
    drawProgress();
    part("resume").focus();
  });
  part("resume").addEventListener("click", () => safely(load()));
  part("source").addEventListener("click", (event) => {
    if (event.target.value) go({ on: event.target.value === "prompt" ? "prompt" : null });
  });
  for (const kind of ["png", "svg"]) {
    part(kind).addEventListener("click", () => savePicture(root, kind, `glassbox-learning-step-${PHASES[phase()]}`));
  }
  leadBy(root, {
    ArrowRight: by(1),
    ArrowLeft: by(-1),
    ArrowUp: faster(1),
    ArrowDown: faster(-1),
    " ": toggle,
    ",": along(-1),
    ".": along(1),
  });

  const redraw = () => {
    if (shown) draw();
  };
  return {
    refresh,
    theme: redraw,
    resize() {
      redraw();
      if (subject && !loading && !stopped && part("empty").hidden && !whole(shown)) safely(load()); // it was left
    },
  };
});
