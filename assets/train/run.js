// Train, the run: buttons that steer, a picture that asks for news and draws it. The form is form.js.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { panel } from "../shared/panel.js";
import { Refusal } from "../shared/server.js";
import { look, subject } from "../shared/subject.js";
import { examsOf } from "./exam.js";
import { trainForm } from "./form.js";
import { runChart } from "./run_chart.js";
import { runFiles } from "./run_files.js";
import { runMoments } from "./run_moments.js";
import { runNumbers } from "./run_numbers.js";
import { runState } from "./run_state.js";
import { redrawSchedule } from "./schedule.js";
import { shownRun } from "./shown_run.js";
import { tabClosing } from "./tab_closing.js";

panel("run", ({ ask, upload, notice, find, all }) => {
  const NEWS = 200,
    AWAY = 1500,
    GHOSTS = 3,
    NEAR = 8,
    SMOOTHING = 0.8;
  const ENDED = ["finished", "stopped", "time", "target", "patience", "diverged", "failed", "interrupted"];
  const start = find("[data-id=start]"),
    proceed = find("[data-id=continue]"),
    chart = find("[data-id=chart]");
  let run = null,
    about = null,
    base = null,
    digest = runState();
  let backdrop = { baselines: [], exam: [], passage: [] };
  let pending = false; // a change was asked for that no step has begun with yet
  let standing = { state: "ready", step: 0, max_steps: 0 },
    since = 0,
    timer = null,
    ghosts = [],
    introduced = true;
  const view = {
    x: address.get("cx"),
    y: address.get("cy"),
    right: address.get("cr"),
    smooth: Number(address.get("cs") ?? SMOOTHING),
  };

  const say = (error) => {
    if (!(error instanceof Refusal)) console.error(error);
    notice(error.message);
  };
  const guarded =
    (work) =>
    async (...args) => {
      try {
        await work(...args);
      } catch (error) {
        say(error);
      }
    };
  const visible = () => find(".gb-stage").offsetParent !== null;
  const going = () => standing.state === "running" || standing.state === "paused";
  const ended = () => run !== null && ENDED.includes(standing.state);

  const form = trainForm({ find, ask, upload, notice, guarded, changed: buttons, planned: buttons });
  tabClosing(find("[data-id=closing]"));
  const drawFigures = runNumbers(find);
  const moments = runMoments({
    find,
    scrubbed: guarded(async (step) => {
      if (subject.model === `run:${run}`) look({ step });
      await draw();
    }),
  });

  // ---- what would change --------------------------------------------------------------------------

  /**
   * The settings of the run on show as they are now, changes on the fly included.
   * @returns {Record<string, any>}
   */
  const settled = () => Object.assign({}, base, ...digest.changes.map((change) => change.changes));

  const sized = (from, to) => from.tokenizer === to.tokenizer && form.isSized(to.tokenizer);
  /**
   * What the form says and the run does not.
   * @returns {[name: string, from: any, to: any][]}
   */
  function differences() {
    if (!base) return [];
    const from = settled(),
      to = form.settings();
    return Object.keys(from)
      .filter((name) => {
        if (name === "matrix_learning_rate" && to.optimizer !== "muon") return false;
        // A text may be too short for the vocabulary that was asked for, so what came of it counts.
        if (name === "vocab_size")
          return sized(from, to) && form.plan !== null && form.plan.vocab_size !== from.vocab_size;
        return name in to && from[name] !== to[name];
      })
      .map((name) => [name, from[name], to[name]]);
  }
  const changeable = (/** @type {[name: string, ...unknown[]]} */ [name]) => form.choices.changeable.includes(name);

  /** Where Continue would end: where the form says, or as far again once that is behind. */
  function nextEnd() {
    const steps = form.settings().max_steps,
      most = form.choices.settings.max_steps.high;
    return Math.min(most, steps > standing.step ? steps : standing.step + (base?.max_steps ?? steps));
  }

  function buttons() {
    const differing = differences(),
      fresh = differing.filter((d) => !changeable(d) && !(ended() && d[0] === "max_steps"));
    const restart = run !== null && (going() || ended());
    const lead = !restart || fresh.length > 0 ? start : ended() ? proceed : null;
    for (const button of [start, proceed]) button.classList.toggle("gb-primary", button === lead);
    start.textContent = restart ? "Restart" : "Start";
    start.disabled = !form.ready;
    proceed.hidden = !ended();
    proceed.textContent = `Continue to ${format.whole(nextEnd())}`;
    proceed.disabled = nextEnd() <= standing.step;
    for (const id of ["pause", "step", "stop"]) find(`[data-id=${id}]`).disabled = !going();
    find("[data-id=pause]").textContent = standing.state === "paused" ? "Resume" : "Pause";
    find("[data-id=take]").hidden = run === null;
    const line = find("[data-id=changes]"),
      told = ended() ? differing.filter((d) => d[0] !== "max_steps") : fresh;
    line.hidden = run === null || told.length === 0;
    if (!line.hidden) {
      const how = told.every(changeable) ? "Continue or restart to change: " : "Restart to change: ";
      const said = ([name, from, to], i) => [
        i ? "; " : "",
        form.label(name).toLowerCase(),
        " ",
        el("b", {}, `${form.spoken(name, from)} → ${form.spoken(name, to)}`),
      ];
      const undo = () => {
        form.own(settled());
        buttons();
      };
      line.replaceChildren(
        how,
        ...told.flatMap(said),
        ". ",
        el("button", { type: "button", class: "gb-link", onclick: undo }, "Undo"),
      );
    }
  }

  // Learning rate, batch and interval change the run itself, as soon as the hand is off the control.
  const changesNow = () =>
    Object.fromEntries(
      differences()
        .filter(changeable)
        .map(([name, , to]) => [name, to]),
    );
  const changeNow = guarded(async () => {
    if (!going()) return;
    const changes = changesNow();
    if (!Object.keys(changes).length) return;
    await ask("change_run", { run, ...changes });
    pending = true;
    figures();
  });
  find(".gb-rail").addEventListener("change", (event) => {
    if ("name" in event.target.dataset) changeNow();
  });

  // ---- steering -----------------------------------------------------------------------------------

  start.addEventListener(
    "click",
    guarded(async () => {
      notice("");
      start.disabled = true;
      try {
        const before = digest.started ? run : null,
          answer = await ask("start_run", { ...form.settings(), replace: going() });
        if (before && chosenGhosts()) address.set({ ghosts: [...new Set([before, ...chosenGhosts()])].join(",") });
        introduced = false;
        await form.fill();
        await open(answer.run);
        await haunt();
      } finally {
        buttons();
      }
    }),
  );
  proceed.addEventListener(
    "click",
    guarded(async () => {
      notice("");
      proceed.disabled = true;
      try {
        await ask("continue_run", { run, max_steps: nextEnd(), ...changesNow() });
        introduced = false;
        await open(run);
      } finally {
        buttons();
      }
    }),
  );
  const steer = (action) =>
    guarded(async () => {
      standing.state = (await ask("steer_run", { run, action })).state;
      buttons();
      await news();
    })();
  const pauseOrResume = () => steer(standing.state === "paused" ? "resume" : "pause");
  find("[data-id=pause]").addEventListener("click", pauseOrResume);
  find("[data-id=step]").addEventListener("click", () => steer("step"));
  find("[data-id=stop]").addEventListener("click", () => steer("stop"));
  on("key", (event) => {
    if (!visible() || event.target.closest?.("button, summary")) return;
    if (event.key === " " && going()) {
      event.preventDefault();
      pauseOrResume();
    }
    if (event.key === "." && going()) steer("step");
  });

  // ---- news ---------------------------------------------------------------------------------------

  /** Show a run, live or not: its whole story, then its news. */
  async function open(id) {
    clearTimeout(timer);
    const told = await ask("open_run", { run: id });
    const other = run !== id;
    [run, about, base, backdrop] = [id, told.about, told.form, told.backdrop];
    [digest, since] = [runState(told), told.next ?? 0];
    if (told.standing) standing = told.standing;
    else if (other) standing = { state: "running", step: 0, max_steps: base.max_steps };
    address.set({ run: id });
    form.busy = false;
    if (!form.has(base)) await form.fill();
    const where = about.path ? `, in ${about.path}. python -m llm opens its checkpoint folder.` : "";
    find("[data-id=path]").textContent = about.name + where;
    moments.show(digest, backdrop);
    await news();
  }

  const askAgain = (wait) => {
    timer = setTimeout(() => news().catch(say), wait);
  };
  const news = latest(async () => {
    clearTimeout(timer);
    if (run === null) return;
    const answer = await ask("poll_run", { run, since });
    if (answer.run !== run) return;
    if (answer.behind) return setTimeout(() => open(run).catch(say), 0);
    since = answer.next;
    const before = standing.state;
    standing = answer;
    form.busy = going();
    answer.events.forEach(take);
    figures();
    buttons();
    if (visible() && (answer.events.length || before !== answer.state || !chart.data)) await draw();
    // The next question waits for this answer to be drawn: a slow page asks less often.
    if (going()) askAgain(visible() ? NEWS : AWAY);
    else if (before !== answer.state) {
      emit("models");
      emit("runs");
      form.replan();
    }
  });

  function take(event) {
    digest.add(event);
    if (event.event === "change") pending = false;
    if (event.event === "snapshot" && !introduced) {
      // from its first snapshot on, the new model is what all lenses show
      introduced = true;
      look({ model: `run:${run}`, step: null });
      emit("models");
      emit("runs");
    }
    if (event.event === "layers") emit("layers", run);
  }

  function figures() {
    drawFigures({ run, standing, digest, backdrop, pending });
    redrawSchedule(find, going() ? standing.step : null);
  }

  // ---- the chart ----------------------------------------------------------------------------------

  async function draw() {
    moments.show(digest, backdrop);
    const nothing = !digest.started && ghosts.length === 0;
    find("[data-id=empty]").hidden = !nothing;
    if (nothing || !visible()) return;
    const behind = ghosts.filter((ghost) => ghost.id !== run),
      exams = examsOf(digest, backdrop);
    await runChart(chart, { digest, ghosts: behind, backdrop, view, exams, at: moments.at, id: run });
  }
  const redraw = latest(draw);
  for (const group of all("[data-choice]")) {
    const name = group.dataset.choice,
      options = [...group.querySelectorAll("button")];
    const here = (button) => button.dataset.value === view[name];
    const show = () => options.forEach((button) => button.setAttribute("aria-pressed", String(here(button))));
    if (!options.some(here)) view[name] = options[0].dataset.value;
    show();
    group.addEventListener(
      "click",
      guarded(async ({ target }) => {
        if (!target.dataset.value) return;
        view[name] = target.dataset.value;
        address.set({ [`c${name[0]}`]: view[name] === options[0].dataset.value ? null : view[name] });
        show();
        await redraw();
      }),
    );
  }
  const smooth = find("[data-id=smooth]");
  if (!Number.isFinite(view.smooth)) view.smooth = SMOOTHING;
  smooth.value = view.smooth;
  smooth.addEventListener(
    "input",
    guarded(async () => {
      view.smooth = smooth.valueAsNumber;
      address.set({ cs: view.smooth === SMOOTHING ? null : view.smooth });
      await redraw();
    }),
  );

  // ---- other runs behind it -----------------------------------------------------------------------

  // Those in the address; else the last few that learnt from the same tokens, since only their losses compare.
  const chosenGhosts = () =>
    address
      .get("ghosts")
      ?.split(",")
      .filter((id) => id !== "none") ?? null;
  const comparable = (ghost) => base !== null && ghost.corpus === base.corpus && ghost.tokens === about.tokens;
  async function haunt() {
    const ids = (chosenGhosts() ?? form.choices.runs.slice(0, NEAR)).filter((id) => id !== run);
    const found = ids.length ? (await ask("read_ghosts", { runs: ids })).ghosts : [];
    const shown = chosenGhosts() ? found : found.filter(comparable).slice(0, GHOSTS);
    ghosts = shown.map((ghost) => ({ ...ghost, digest: runState(ghost) }));
    await redraw();
  }
  Object.assign(shownRun, {
    id: () => run,
    settings: () => form.settings(),
    ghosts: () => chosenGhosts() ?? ghosts.map((ghost) => ghost.id),
  });
  on("ghosts", guarded(haunt));
  on(
    "found",
    guarded(async ({ restarted }) => {
      if (!restarted) return;
      await form.fill(); // its own texts and vocabularies went with the old server
      if (run !== null) await open(run); // its last steps may have gone as well
    }),
  );
  on(
    "open-run",
    guarded(async (id) => {
      await open(id);
      form.own(settled());
      await haunt();
    }),
  );
  on(
    "run-gone",
    guarded(async (id) => {
      if (id === run) await settle();
      else {
        await form.fill();
        await haunt();
      }
    }),
  );
  on("subject", ({ model, step }) => {
    // the timeline above moves the samples along
    if (model === `run:${run}` && moments.at !== step) {
      moments.goTo(step);
      redraw().catch(say);
    }
  });

  runFiles({ all, ask, chart, guarded, current: () => ({ run, name: about?.name ?? "run" }) });

  // ---- the beginning ------------------------------------------------------------------------------

  async function settle() {
    await form.fill();
    const { choices } = form,
      wanted = address.get("run");
    const id = choices.runs.includes(wanted) ? wanted : choices.run;
    [run, base, digest] = [null, null, runState()];
    if (id) {
      await open(id);
      if (!address.get("preset") && !address.get("set")) form.own(settled());
    } else {
      figures();
      buttons();
      moments.show(digest, backdrop);
    }
    await haunt();
    if (!(await form.takeVocabulary())) form.replan();
  }
  const again = () => {
    redraw().catch(say);
    moments.redraw();
    redrawSchedule(find);
  };
  guarded(settle)();
  return { theme: again, resize: again };
});
