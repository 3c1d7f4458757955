// Scaling, loss and size: the points of a sweep, what counts as a parameter, the law, and how well it predicts.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { leadBy } from "../shared/lead_keys.js";
import { panel } from "../shared/panel.js";
import { save } from "../shared/picture_file.js";
import { Refusal } from "../shared/server.js";
import { look } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import { tip } from "../shared/tooltip.js";
import { short } from "./axes.js";
import { offerChoices, ofSweep } from "./choices.js";
import { lossOf } from "./law.js";
import { pointTraining } from "./point_training.js";
import { drawChart, shadeOf } from "./scaling_chart.js";

/** @import { Dot } from "./scaling_chart.js" */

panel("loss_and_size", ({ ask, notice, say, find, all, root }) => {
  const box = find("[data-id=box]"),
    REACH = 24, // CSS pixels from a dot that still mean it
    /** @type {Record<string, any>} */ choices = { sweep: "shipped", across: "params", count: "all", e: "known" };
  let sweep = null,
    /** @type {Dot[]} */ dots = [],
    widths = [],
    places = [],
    laws = new Map(), // by count and E; a text where there is none, and why
    at = -1, // the dot that is looked at
    pinned = -1;

  const law = () => laws.get(key(choices.count));
  const key = (count) => `${count} ${choices.e}`;
  const shown = () => (typeof law() === "object" ? law() : null);

  const offer = offerChoices(all("[data-choice]"), choices, (name) => {
    if (name === "sweep") return load();
    draw();
    fit();
  });

  const guarded = async (work) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      notice(error.message);
    }
  };

  const points = pointTraining({ ask, find, root, guarded, moved: () => load() });

  const load = latest(() =>
    guarded(async () => {
      notice("");
      const before = sweep?.csv,
        held = dots[pinned];
      sweep = await ofSweep(choices, notice, (whose) => ask("read_sweep", { whose }));
      if (sweep.csv !== before) laws = new Map();
      const most = Math.max(...sweep.points.map(({ tokens }) => tokens));
      dots = sweep.points.map((point) => ({ ...point, early: point.tokens < sweep.early * most }));
      widths = [...new Set(dots.map(({ width }) => width))].sort((a, b) => a - b);
      const same = dots.findIndex(({ point, tokens }) => point === held?.point && tokens === held?.tokens);
      at = pinned = same;
      points.know(dots);
      draw();
      fit();
    }),
  );

  /** The chosen law first, then those of the other ways to count, for the table. */
  const fit = latest(() =>
    guarded(async () => {
      const of = sweep;
      for (const count of [choices.count, ...sweep.counts]) {
        const name = key(count);
        if (laws.has(name) || !dots.length) continue;
        const known = choices.e === "known" && sweep.floor !== null;
        try {
          laws.set(name, await ask("fit_sweep", { whose: of.whose, count, known }));
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          laws.set(name, error.message);
        }
        if (of !== sweep) return;
        draw();
      }
    }),
  );

  // ---- drawing ---------------------------------------------------------------------------------------
  function draw() {
    if (!sweep || !root.offsetParent) return;
    offer.show();
    find("[data-id=floors]").hidden = sweep.floor === null;
    find("[data-id=legend]").replaceChildren(
      el("span", {}, `${choices.sweep === "mine" ? "Your sweep" : "The shipped sweep"} of ${sweep.text}; widths`),
      ...widths.map((width) =>
        el("span", {}, el("i", { style: `background:${shadeOf(widths, width)}` }), String(width)),
      ),
    );
    const count = sweep.counts.indexOf(choices.count);
    if (dots.length)
      places = drawChart(box, { dots, widths, floor: sweep.floor, across: choices.across, count, law: shown(), at });
    else
      box.replaceChildren(
        el("p", { class: "gb-soft" }, "The first losses will be here when its first evaluation is done."),
      );
    tell();
  }

  function tell() {
    find("[data-id=exponents]").replaceChildren(
      ...sweep.counts.map((count) => {
        const known = laws.get(key(count)),
          [value, low, high] = known?.intervals?.a ?? [];
        const words = known === undefined ? "fitting…" : value === undefined ? "–" : format.number(value);
        return el(
          "tr",
          { "aria-selected": String(count === choices.count) },
          el("th", { scope: "row" }, count),
          el("td", {}, el("b", { data: { exponent: count } }, words)),
          el("td", { class: "gb-soft" }, value === undefined ? "" : `${format.number(low)} to ${format.number(high)}`),
        );
      }),
    );
    find("[data-id=predicted]").textContent = prediction();
    const dot = dots[pinned];
    find("[data-id=chosen]").hidden = !dot;
    if (dot) {
      find("[data-id=chosen-name]").textContent = dot.title;
      find("[data-id=chosen-about]").textContent = `${about(dot)}${again(dot)}`;
      find("[data-id=open]").hidden = !dot.ref;
      find("[data-id=open]").textContent = `Look at its heads${dot.last || !atEnd(dot) ? "" : " at the end"}`;
      const other = rival(dot);
      find("[data-id=beside]").hidden = !other;
      if (other) find("[data-id=beside]").textContent = `Beside width ${other.width}`;
    }
    points.show(dot && sweep.whose === "shipped" ? dot : null);
    say(dots[at] ? `${dots[at].title}: ${about(dots[at])}` : lead());
  }

  /** What the law says of the largest size from all others, beside what it reached. */
  function prediction() {
    const known = law();
    if (known === undefined) return "Fitting…";
    if (typeof known === "string") return known;
    if (!known.predicted) return "The largest size can't be predicted yet: train it to its end, and three others.";
    const { width, interval, measured } = known.predicted,
      [value, low, high] = interval.map((nats) => nats.toFixed(3)),
      off = measured - interval[0];
    return (
      `Width ${width}, from all others: ${value} (${low} to ${high}). Measured: ${measured.toFixed(3)}, ` +
      `${Math.abs(off).toFixed(3)} nats ${off < 0 ? "lower" : "higher"}` +
      (interval[1] <= measured && measured <= interval[2] ? "." : `, outside the band${unlike()}.`)
    );
  }
  /** Where data didn't count alike at every size, which the law takes for granted: the last falls, in words. */
  function unlike() {
    const [before, after] = [...new Set(dots.map(({ tokens }) => tokens))].sort((a, b) => a - b).slice(-2),
      mean = (width, tokens) => {
        const losses = dots.filter((dot) => dot.width === width && dot.tokens === tokens).map(({ loss }) => loss);
        return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
      },
      falls = widths.map((width) => ({ width, nats: mean(width, before) - mean(width, after) })),
      known = falls.filter(({ nats }) => Number.isFinite(nats)).sort((a, b) => a.nats - b.nats),
      each = lossOf(shown().law, 1, before) - lossOf(shown().law, 1, after);
    if (known.length < 2) return "";
    const told = ({ width, nats }) => `width ${width} by ${nats.toFixed(3)}`;
    return (
      `: over the last ${short(after - before)} tokens the law lets every size fall by ${each.toFixed(3)}, but ` +
      `${told(known[0])} and ${told(known.at(-1))}`
    );
  }
  /** What the same training reached here, beside the table's loss. */
  function again({ point, tokens, loss }) {
    const here = sweep.again.find((one) => one.point === point && one.tokens === tokens);
    if (!here) return "";
    const off = here.loss - loss;
    return (
      ` Trained here: ${here.loss.toFixed(4)}, ` +
      (Math.abs(off) < 5e-5 ? "the same." : `${Math.abs(off).toFixed(4)} ${off < 0 ? "lower" : "higher"}.`)
    );
  }
  /** Whether the only moment of its model that is here is the last. */
  const atEnd = ({ ref }) => ref.startsWith("shipped:");
  /** The size to hold a dot's against: of those whose models are here the one that is farthest from it. */
  function rival({ ref, width, seed }) {
    const apart = (one) => Math.abs(Math.log(one.width / width)) + (one.seed === seed ? 0.01 : 0),
      others = ref ? dots.filter((one) => one.ref && one.last && one.width !== width) : [];
    return others.reduce((best, one) => (!best || apart(one) > apart(best) ? one : best), null);
  }
  function lead() {
    const known = shown();
    if (!known) return "";
    const [E, , a, , b] = known.law.map(format.number);
    if (choices.across === "flops") return "Dashed: the least loss that any size reached for so much compute.";
    return `Loss = ${E} + A / N^${a} + B / D^${b}, through ${known.points} losses; hollow dots are early and left out.`;
  }
  const about = (dot) =>
    `${short(dot.params[sweep.counts.indexOf(choices.count)])} parameters, ${short(dot.tokens)} tokens, ` +
    `${short(dot.flops)} FLOPs: ${dot.loss.toFixed(4)} nats, after ${format.seconds(dot.seconds)}.`;

  // ---- looking ---------------------------------------------------------------------------------------
  function near(event) {
    const edge = box.getBoundingClientRect();
    const far = ({ x, y }) => Math.hypot(x - (event.clientX - edge.left), y - (event.clientY - edge.top));
    const best = places.reduce((one, place, i) => (far(place) < far(places[one]) ? i : one), 0);
    return places.length && far(places[best]) < REACH ? best : -1;
  }
  function point(index) {
    if (at === index) return;
    at = index;
    draw();
  }
  box.addEventListener("pointermove", (event) => {
    const index = near(event);
    point(index >= 0 ? index : pinned);
    if (index >= 0) tip.show(event.clientX, event.clientY, dots[index].title, about(dots[index]));
    else tip.hide();
  });
  box.addEventListener("pointerleave", () => {
    tip.hide();
    point(pinned);
  });
  box.addEventListener("click", (event) => pin(near(event)));
  function pin(index) {
    pinned = at = index;
    draw();
  }
  /** The dots as one walks them: training after training. */
  const step = (by) => dots.length && pin((Math.max(at, by > 0 ? -1 : 0) + by + dots.length) % dots.length);
  /** The same moment of the next size. */
  function size(by) {
    const from = dots[Math.max(0, at)],
      next = widths[widths.indexOf(from.width) + by],
      like = dots.findIndex(
        ({ width, seed, tokens }) => width === next && seed === from.seed && tokens === from.tokens,
      );
    if (like >= 0) pin(like);
  }
  leadBy(root, {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    ArrowUp: () => size(1),
    ArrowDown: () => size(-1),
    Enter: () => open(),
  });
  /** Look at a dot's model at its very moment, where moments are kept, by itself or beside another. */
  function open(other = null) {
    const dot = dots[pinned];
    if (!dot?.ref) return;
    emit("models");
    look({ model: dot.ref, step: atEnd(dot) ? null : dot.step }, { turn: true });
    if (other) address.set({ "b.model": other.ref, "b.step": null });
    openView("attention", other ? "compare" : "heads");
  }
  find("[data-id=open]").addEventListener("click", () => open());
  find("[data-id=beside]").addEventListener("click", () => open(rival(dots[pinned])));
  find("[data-id=csv]").addEventListener("click", () => {
    if (sweep) save(sweep.csv, `${choices.sweep}-sweep.csv`, "text/csv");
  });

  const moved = () => {
    if (choices.sweep === "mine") load();
  };
  on("sweep", moved);
  const seen = () => {
    const other = offer.read(); // made in another view meanwhile
    if (!sweep) points.poll();
    if (!sweep || other.includes("sweep")) return load();
    draw();
    if (other.length) fit();
  };
  return { theme: draw, resize: seen };
});
