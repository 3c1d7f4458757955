// Scaling, plan a sweep: the form, what each size will take, and the visitor's sweep in training.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { emit } from "../shared/events.js";
import { failures } from "../shared/failures.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { leadBy } from "../shared/lead_keys.js";
import { panel } from "../shared/panel.js";
import { Refusal } from "../shared/server.js";
import { drawFields, field } from "../shared/setting_fields.js";
import { look } from "../shared/subject.js";
import { openView } from "../shared/tabs.js";
import { short } from "./axes.js";
import { drawRates } from "./rate_chart.js";

panel("plan_a_sweep", ({ ask, notice, say, find, all, root }) => {
  const POLL = 1000,
    SETTLED = 400; // milliseconds after the last change of the form
  const WORDS = {
    none: "",
    running: "training",
    waiting: "waits for its turn",
    paused: "paused",
    finished: "done",
    stopped: "stopped; what was reached is kept",
    time: "time was up; what was reached is kept",
  };
  const fields = {};
  let plan = null, // what plan_sweep told of the form
    seconds = null,
    standing = null, // what poll_sweep told
    rates = null, // what read_rates told
    sure = false, // another sweep may go for this one
    timer = null,
    later = null;

  const told = failures(notice);
  const guarded = (work) =>
    told.guarded(async (...args) => {
      notice("");
      await work(...args);
    });
  const settings = () => Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, one.value]));
  const live = () => ["running", "paused", "waiting"].includes(standing?.state);

  // ---- the form --------------------------------------------------------------------------------------
  async function fill() {
    const offered = await ask("list_plan");
    Object.assign(fields, drawFields(find(".gb-rail"), offered.settings));
    for (const node of all(".gb-rail [data-name]")) {
      const name = node.dataset.name;
      fields[name] ??= field(node, { label: name });
      if (offered.helps[name]) node.title = offered.helps[name];
      node.addEventListener("input", edited);
    }
    fields.corpus.node.replaceChildren(
      ...offered.corpora.map(({ name, title }) => el("option", { value: name }, title)),
    );
    for (const [name, value] of Object.entries(offered.chosen)) fields[name].value = value;
    tell();
    await Promise.all([replan(), poll()]);
  }
  const tell = () => {
    for (const one of Object.values(fields)) one.tell();
  };
  function edited() {
    tell();
    sure = false;
    find("[data-id=start]").textContent = "Start";
    clearTimeout(later);
    later = setTimeout(replan, SETTLED);
  }

  const replan = latest(async () => {
    try {
      [plan, seconds] = [await ask("plan_sweep", settings()), null];
      find("[data-id=trainings]").textContent = format.whole(plan.trainings);
      find("[data-id=forecast]").textContent = live() ? "" : "Measuring how long it takes…";
      draw();
      if (live()) return;
      const told = await ask("forecast_sweep", settings());
      seconds = told.seconds;
      find("[data-id=forecast]").replaceChildren(
        told.problem
          ? el("span", { class: "gb-refused" }, told.problem)
          : `About ${format.seconds(told.total)} in all.`,
      );
      if (told.problem) plan = { ...plan, refused: true };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      plan = null;
      find("[data-id=trainings]").textContent = "–";
      find("[data-id=forecast]").replaceChildren(el("span", { class: "gb-refused" }, error.message));
    }
    draw();
  });

  // ---- the table -------------------------------------------------------------------------------------
  function draw() {
    const state = standing?.state ?? "none",
      trainings = standing?.trainings ?? [];
    find("[data-id=start]").disabled = !plan || plan.refused || live();
    find("[data-id=continue]").hidden = live() || state === "none" || state === "finished";
    find("[data-id=pause]").disabled = !live();
    find("[data-id=pause]").textContent = state === "paused" ? "Resume" : "Pause";
    find("[data-id=stop]").disabled = !live();
    find("[data-id=show]").hidden = !trainings.some(({ loss }) => loss !== null);
    const done = trainings.filter(({ ended }) => ended).length;
    find("[data-id=status]").textContent = trainings.length
      ? [
          standing.failure || WORDS[state],
          standing.place && `place ${standing.place}`,
          `${done} of ${trainings.length} trained`,
        ]
          .filter(Boolean)
          .join(", ")
      : "";
    if (plan) find("[data-id=sizes]").replaceChildren(...plan.sizes.map(row));
    const under = trainings.find(({ id }) => id === standing.under_way);
    if (under && live())
      say(
        `${under.title}: step ${format.whole(standing.step)} of ` +
          `${format.whole(standing.steps)}; ${done} of ${trainings.length} trainings done.`,
      );
    else say("");
  }

  function row(size, i) {
    const cell = (text, minor = false) => el("td", { class: minor ? "gb-sweep-minor" : null }, text);
    const mine = (standing?.trainings ?? []).filter(({ width }) => width === size.width);
    return el(
      "tr",
      { data: { width: size.width } },
      el("th", { scope: "row" }, String(size.width)),
      cell(String(size.n_layer), true),
      cell(format.whole(size.n_params)),
      cell(short(size.tokens), true),
      cell(short(size.flops), true),
      cell(seconds ? format.seconds(seconds[i]) : "…", true),
      cell(size.loss === null ? "–" : format.number(size.loss)),
      el("td", {}, ...mine.map(reached)),
    );
  }
  function reached({ ref, seed, ended, loss, id }) {
    const now = live() && standing.under_way === id;
    if (loss === null) return el("span", { class: "gb-soft gb-sweep-seed" }, now ? "…" : "·");
    const go = () => {
      emit("models");
      look({ model: ref, step: null }, { turn: true });
      openView("attention", "heads");
    };
    const words = format.number(loss) + (ended ? "" : "…");
    return el(
      "button",
      { type: "button", class: "gb-link gb-sweep-seed", title: `Seed ${seed}: look at its heads`, onclick: go },
      words,
    );
  }

  /** The learning rates that were tried, beside the rule. */
  function showRates() {
    if (!rates || !root.offsetParent) return;
    const off = Math.max(...rates.widths.map(({ rule, best }) => Math.max(rule / best, best / rule)));
    find("[data-id=rates-about]").textContent =
      `Learning rates that ${rates.mine ? "your sweep" : "a small sweep of the same text"} tried, each width in its ` +
      "colour: full the best, ◇ what the rule gives, 1 over the root of the width. " +
      `${off < 1.01 ? "The rule is the best each time" : `The best is within a factor of ${format.number(off)} of it`}.`;
    drawRates(find("[data-id=rates]"), rates.widths);
  }

  // ---- driving ---------------------------------------------------------------------------------------
  const poll = latest(async () => {
    clearTimeout(timer);
    const before = JSON.stringify(standing?.trainings);
    standing = await ask("poll_sweep");
    draw();
    if (!rates || before !== JSON.stringify(standing.trainings)) {
      rates = await ask("read_rates");
      showRates();
    }
    if (before !== JSON.stringify(standing.trainings)) emit("sweep");
    if (live() && root.isConnected) timer = setTimeout(poll, POLL);
  });
  find("[data-id=start]").addEventListener(
    "click",
    guarded(async () => {
      const other = (standing?.trainings.length ?? 0) > 0;
      if (other && !sure) {
        sure = true;
        find("[data-id=start]").textContent = "Replace the last sweep";
        return;
      }
      sure = false;
      find("[data-id=start]").textContent = "Start";
      await ask("start_sweep", { ...settings(), replace: other });
      emit("models");
      await poll();
    }),
  );
  find("[data-id=continue]").addEventListener(
    "click",
    guarded(async () => {
      await ask("continue_sweep");
      await poll();
    }),
  );
  const steer = guarded(async (action) => {
    await ask("steer_sweep", { action });
    await poll();
  });
  const turn = () => steer(standing?.state === "paused" ? "resume" : "pause");
  find("[data-id=pause]").addEventListener("click", turn);
  find("[data-id=stop]").addEventListener("click", () => steer("stop"));
  find("[data-id=show]").addEventListener("click", () => {
    address.set({ sweep: "mine" });
    openView("scaling", "loss_and_size");
  });
  leadBy(root, {
    " ": () => {
      if (live()) turn();
    },
  });

  const begin = latest(guarded(async () => (Object.keys(fields).length ? poll() : fill())));
  const again = () => {
    showRates();
    begin();
  };
  return { resize: again, theme: showRates };
});
