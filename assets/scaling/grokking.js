// Scaling, grokking: sums learnt by heart and understood later, and the waves that the numbers' embedding settles on.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { leadBy } from "../shared/lead_keys.js";
import { calm } from "../shared/motion.js";
import { panel } from "../shared/panel.js";
import { save } from "../shared/picture_file.js";
import { frozen } from "../shared/presenting.js";
import { Refusal } from "../shared/server.js";
import { look } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import { tip } from "../shared/tooltip.js";
import { shape } from "./axes.js";
import { offerChoices } from "./choices.js";
import { drawCurves, drawWaves, fewest } from "./grokking_chart.js";

/** @import { Moment } from "./grokking_chart.js" */

panel("grokking", ({ ask, notice, say, count, find, root }) => {
  const POLL = 2000, // milliseconds, while it trains
    FRAME = 160,
    KNOWN = 0.95; // right answers from which something counts as known
  const curves = find("[data-id=curves]"),
    waves = find("[data-id=waves]"),
    menu = find("[data-id=training]"),
    slider = find("[data-id=moment]");
  let told = null, // what read_grokking told last
    /** @type {Moment[]} */ moments = [],
    at = 0, // the moment that is looked at
    newest = true, // whether that follows the training
    training = address.get("training"),
    nearest = (_) => 0,
    wave = (_) => -1,
    timer = null,
    playing = null;
  const /** @type {{ curve: "accuracy" | "loss" }} */ choices = { curve: "accuracy" },
    offer = offerChoices([find("[data-choice]")], choices, () => draw());

  const load = latest(async () => {
    clearTimeout(timer);
    if (frozen()) {
      timer = setTimeout(load, POLL);
      return;
    }
    try {
      do {
        const asked = training,
          after = told && told.training === asked ? (moments.at(-1)?.step ?? -1) : -1;
        const news = await ask("read_grokking", { ...(asked ? { training: asked } : {}), after });
        if (asked !== training) continue;
        const fresh = told?.training !== news.training;
        if (fresh) moments = [];
        told = news;
        training = news.training;
        moments = [...moments, ...news.moments];
        if (fresh) begin();
        else if (newest) at = Math.max(0, moments.length - 1);
        draw();
      } while (!told || told.training !== training || !told.complete);
      if (told.live && root.offsetParent) timer = setTimeout(load, POLL);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      notice(error.message);
      if (training === (told?.training ?? null)) return;
      training = told?.training ?? null; // what was asked for is gone, or can't be measured: what was there stays
      address.set({ training: null });
      load();
    }
  });

  /** Where another training is first looked at: where the address says, else at its end. */
  function begin() {
    const step = Number(address.get("at", "-1"));
    at = moments.length - 1;
    newest = true;
    if (step >= 0) {
      at = moments.reduce(
        (best, one, i) => (Math.abs(one.step - step) < Math.abs(moments[best].step - step) ? i : best),
        0,
      );
      newest = false;
    }
  }
  const first = (part) => moments.find((one) => one[part].accuracy >= KNOWN)?.step ?? null;

  // ---- drawing ---------------------------------------------------------------------------------------
  function draw() {
    if (!told || !root.offsetParent) return;
    menu.replaceChildren(
      ...told.offered.map(({ ref, title }) => el("option", { value: ref, selected: ref === told.training }, title)),
    );
    offer.show();
    find("[data-id=open]").hidden = !told.training.startsWith("run:");
    slider.max = String(Math.max(0, moments.length - 1));
    slider.value = String(at);
    if (!moments.length) {
      curves.replaceChildren(el("p", { class: "gb-soft" }, "Its first moment will be here in a few seconds."));
      waves.replaceChildren();
      return;
    }
    const [heart, understood] = [first("shown"), first("held_out")];
    find("[data-id=legend]").replaceChildren(
      el(
        "span",
        {},
        `Sums modulo ${told.modulus}, ${choices.curve === "loss" ? "loss of the answer in nats" : "answered right"}:`,
      ),
      key("gb-grokking-shown", `${format.whole(told.questions[0])} that training shows`),
      key("gb-grokking-held", `${format.whole(told.questions[1])} that it never shows`),
    );
    find("[data-id=waves-say]").replaceChildren(
      el("span", {}, `The embedding of the ${told.modulus} numbers as waves; amber hold 90 % of the power`),
    );
    nearest = drawCurves(curves, moments, choices.curve, at, [heart, understood]); // the legends have taken their room
    wave = drawWaves(waves, moments, at);
    find("[data-id=at]").textContent = format.whole(moments[at].step);
    find("[data-id=heart]").textContent = heart === null ? "not yet" : `step ${format.whole(heart)}`;
    find("[data-id=understood]").textContent = understood === null ? "not yet" : `step ${format.whole(understood)}`;
    say(about(moments[at]));
    count(`step ${format.whole(moments[at].step)}`);
  }
  const key = (name, words) => {
    const svg = shape("svg", { viewBox: "0 0 26 8" }),
      line = shape("line", { x1: 0, x2: 26, y1: 4, y2: 4 });
    line.classList.add(name);
    svg.append(line);
    return el("span", {}, svg, words);
  };
  const about = ({ step, shown, held_out, norms }) =>
    `Step ${format.whole(step)}: right ${format.probability(shown.accuracy)} of the sums it was shown and ` +
    `${format.probability(held_out.accuracy)} of the others; ${fewest(norms).length} of ${norms.length} waves hold 90 %.`;

  // ---- looking ---------------------------------------------------------------------------------------
  function go(to) {
    if (!moments.length) return;
    at = Math.min(moments.length - 1, Math.max(0, to));
    newest = at === moments.length - 1;
    address.set({ at: newest ? null : String(moments[at].step) });
    draw();
  }
  const pause = () => {
    clearInterval(playing);
    playing = null;
    find("[data-id=play]").textContent = "Play";
  };
  function play() {
    if (playing) return pause();
    if (at === moments.length - 1) go(0);
    find("[data-id=play]").textContent = "Pause";
    playing = setInterval(
      () => {
        go(at + 1);
        if (at === moments.length - 1 || !root.offsetParent) pause();
      },
      calm() ? 4 * FRAME : FRAME,
    );
    return undefined;
  }
  const lead = (to) => {
    pause();
    go(to);
  };
  find("[data-id=play]").addEventListener("click", play);
  slider.addEventListener("input", () => lead(slider.valueAsNumber));
  const across = (box, event) => event.clientX - box.getBoundingClientRect().left;
  curves.addEventListener("pointerdown", (event) => {
    curves.setPointerCapture(event.pointerId);
    lead(nearest(across(curves, event)));
  });
  curves.addEventListener("pointermove", (event) => {
    if (!moments.length) return;
    const i = nearest(across(curves, event)),
      { step, shown, held_out } = moments[i];
    if (event.buttons) lead(i);
    const rows = [shown, held_out].map(({ accuracy, loss }) => `${(100 * accuracy).toFixed(1)} %, ${loss} nats`);
    tip.show(
      event.clientX,
      event.clientY,
      `Step ${format.whole(step)}`,
      `shown: ${rows[0]}`,
      `never shown: ${rows[1]}`,
    );
  });
  waves.addEventListener("pointermove", (event) => {
    const i = moments.length ? wave(across(waves, event)) : -1;
    if (i < 0) tip.hide();
    else tip.show(event.clientX, event.clientY, `Frequency ${i + 1}`, `norm ${moments[at].norms[i]}`);
  });
  for (const box of [curves, waves]) box.addEventListener("pointerleave", () => tip.hide());
  leadBy(root, {
    ArrowRight: () => lead(at + 1),
    ArrowLeft: () => lead(at - 1),
    Home: () => lead(0),
    End: () => lead(moments.length - 1),
    " ": play,
  });

  // ---- choosing --------------------------------------------------------------------------------------
  menu.addEventListener("input", () => {
    pause();
    training = menu.value;
    address.set({ training: training === told.offered[0].ref ? null : training, at: null });
    load();
  });
  find("[data-id=train]").addEventListener("click", () => {
    location.hash = "tab=train&view=run&preset=grokking"; // begins the page again, with the form filled in
  });
  find("[data-id=open]").addEventListener("click", () => {
    emit("models");
    look({ model: told.training, step: moments[at]?.step ?? null }, { turn: true });
    openView("attention", "heads");
  });
  find("[data-id=csv]").addEventListener("click", () => {
    if (!moments.length) return;
    const names = moments[0].norms.map((_, i) => `frequency_${i + 1}`),
      head = ["step", "shown_accuracy", "shown_loss", "held_out_accuracy", "held_out_loss", ...names],
      rows = moments.map(({ step, shown, held_out, norms }) =>
        [step, shown.accuracy, shown.loss, held_out.accuracy, held_out.loss, ...norms].join(","),
      );
    save(`${[head.join(","), ...rows].join("\n")}\n`, "grokking.csv", "text/csv");
  });
  on("models", () => told && load()); // a run of one's own may have begun
  return { theme: draw, resize: () => (told && !told.live ? draw() : load()) };
});
