// Train, the run: buttons that steer, a picture that asks for news and draws it. The form is form.js.
import { address } from "../shared/address.js";
import { classroom } from "../shared/classroom.js";
import { emit, on } from "../shared/events.js";
import { failures } from "../shared/failures.js";
import { latest } from "../shared/latest.js";
import { panel } from "../shared/panel.js";
import { inRoom } from "../shared/presenting.js";
import { look, subject } from "../shared/subject.js";
import { examsOf } from "./exam.js";
import { exampleRun } from "./example_run.js";
import { trainForm } from "./form.js";
import { runAxes } from "./run_axes.js";
import { drawRunButtons } from "./run_buttons.js";
import { runChanges } from "./run_changes.js";
import { hovered, runChart } from "./run_chart.js";
import { runFiles } from "./run_files.js";
import { runGhosts } from "./run_ghosts.js";
import { runMoments } from "./run_moments.js";
import { runNumbers, sentence } from "./run_numbers.js";
import { runQueue, waits } from "./run_queue.js";
import { runState } from "./run_state.js";
import { redrawSchedule } from "./schedule.js";
import { shownRun } from "./shown_run.js";
import { tabClosing } from "./tab_closing.js";

panel("run", ({ ask, upload, notice, say, find, all }) => {
  const NEWS = 200,
    AWAY = 1500; // while nobody looks, or nothing happens
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
    example = null, // what is shown while there is no run
    pointed = null, // the step under the pointer
    left = false, // it was the visitor who left the queue
    introduced = true;
  const { fail, guarded } = failures(notice);
  const visible = () => find(".gb-stage").offsetParent !== null;
  const going = () => standing.state === "running" || standing.state === "paused";
  const alive = () => going() || waits(standing);
  const ended = () => run !== null && ENDED.includes(standing.state);
  /** What the picture shows instead of the run: an example as long as there is none, or it waits for its turn. */
  const instead = () => (run === null ? example : queue.shown(standing));
  const shown = () => instead() ?? { digest, backdrop, standing };

  const form = trainForm({ find, all, ask, upload, notice, guarded, changed: buttons, planned: buttons });
  const ghosts = runGhosts(ask, { shown: () => ({ id: run, about }), listed: () => form.choices.runs });
  tabClosing(find("[data-id=closing]"));
  const drawFigures = runNumbers(find);
  const queue = runQueue({
    find,
    recorded: () => ask("read_example_run"),
    played: () => {
      figures();
      redraw().catch(fail);
    },
  });
  const moments = runMoments({
    find,
    scrubbed: guarded(async (step) => {
      if (subject.model === `run:${run}`) look({ step });
      await draw();
      speak();
    }),
  });

  const changes = runChanges({
    form,
    shown: () => ({ base, changes: digest.changes, ended: ended() }),
    undone: buttons,
  });

  /** Where Continue would end: where the form says, or as far again once that is behind. */
  function nextEnd() {
    const steps = form.settings().max_steps,
      most = form.choices.settings.max_steps.high;
    return Math.min(most, steps > standing.step ? steps : standing.step + (base?.max_steps ?? steps));
  }

  function buttons() {
    drawRunButtons(find, {
      standing,
      there: run !== null,
      going: going(),
      ended: ended(),
      started: digest.started,
      ready: form.ready,
      changed: changes.fresh().length > 0,
      end: nextEnd(),
    });
    changes.tell(find("[data-id=changes]"));
  }

  // Learning rate, batch and interval change the run itself, as soon as the hand is off the control.
  const changeNow = guarded(async () => {
    if (!alive()) return;
    const wanted = changes.now();
    if (!Object.keys(wanted).length) return;
    await ask("change_run", { run, ...wanted });
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
          answer = await ask("start_run", { ...form.settings(), replace: alive() });
        if (before) ghosts.leave(before);
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
        await ask("continue_run", { run, max_steps: nextEnd(), ...changes.now() });
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
  find("[data-id=stop]").addEventListener("click", () => {
    left = waits(standing);
    steer("stop");
  });
  on("key", (event) => {
    if (!visible()) return;
    if (event.key === " " && going() && !event.target.closest?.("button, summary")) {
      event.preventDefault();
      pauseOrResume();
    }
    if (event.key === "." && going()) steer("step");
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault();
      moments.move(event.key === "ArrowLeft" ? -1 : 1);
    }
  });

  // ---- news ---------------------------------------------------------------------------------------

  /** Show a run, live or not: its whole story, then its news. */
  async function open(id) {
    clearTimeout(timer);
    const told = await ask("open_run", { run: id });
    [run, about, base, backdrop] = [id, told.about, told.form, told.backdrop];
    [digest, since] = [runState(told), told.next ?? 0];
    standing = told.standing;
    address.set({ run: id });
    figures();
    form.busy = false;
    if (!form.has(base)) await form.fill();
    const where = about.path ? `, in ${about.path}. python -m llm opens its checkpoint folder.` : "";
    find("[data-id=path]").textContent = about.name + where;
    await news();
  }

  const askAgain = (wait) => {
    timer = setTimeout(() => news().catch(fail), wait);
  };
  const news = latest(async () => {
    clearTimeout(timer);
    if (run === null) return;
    const answer = await ask("poll_run", { run, since });
    if (answer.run !== run) return;
    if (answer.behind) return setTimeout(() => open(run).catch(fail), 0);
    since = answer.next;
    const before = standing.state;
    standing = answer;
    form.busy = alive();
    queue.follow(standing, digest.started);
    if (answer.state === "left") {
      await settle();
      if (!left) notice("Your run left the queue, since its page had not asked for a while. Press Start to wait anew.");
      left = false;
      return;
    }
    answer.events.forEach(take);
    figures();
    buttons();
    if (visible() && (answer.events.length || before !== answer.state || !chart.data)) await draw();
    // The next question waits for this answer to be drawn: a slow page asks less often.
    const close = visible() && (going() || standing.stopping) && classroom()?.speaker !== false; // phones are many
    if (alive()) askAgain(close ? NEWS : AWAY);
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
    drawFigures({ ...shown(), pending });
    redrawSchedule(find, going() ? standing.step : null);
    speak();
  }
  /** The line beneath the picture: the step that is pointed at, else the one whose moment is on show. */
  function speak() {
    say(sentence({ ...shown(), at: pointed ?? moments.at, example: instead() !== null, brief: inRoom() }));
  }

  // ---- the chart ----------------------------------------------------------------------------------

  async function draw() {
    const { digest: seen, backdrop: against } = shown(),
      exhibited = instead() !== null;
    moments.show(seen, against);
    find("[data-id=example]").hidden = !exhibited;
    if (exhibited && run === null) find("[data-id=example]").textContent = example.label;
    else if (exhibited) queue.label(standing);
    chart.classList.toggle("gb-faint", exhibited);
    find("[data-id=empty]").hidden = run !== null || exhibited;
    if ((run === null && !exhibited) || !visible()) return;
    const exams = examsOf(seen, against);
    await runChart(chart, {
      digest: seen,
      ghosts: ghosts.behind(run),
      backdrop: against,
      view,
      exams,
      at: moments.at,
      id: exhibited ? "example" : run,
    });
    hovered(chart, (step) => {
      pointed = step;
      speak();
    });
  }
  const redraw = latest(draw);
  const view = runAxes({ find, all, chosen: guarded(redraw) });

  // ---- other runs behind it -----------------------------------------------------------------------

  async function haunt() {
    await ghosts.read();
    await redraw();
  }
  Object.assign(shownRun, {
    id: () => run,
    settings: () => form.settings(),
    ghosts: ghosts.ids,
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
      form.own(changes.settled());
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
    if ((model === `run:${run}` || model === `class:run:${run}`) && moments.at !== step) {
      moments.goTo(step);
      redraw().catch(fail);
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
      if (!address.get("preset") && !address.get("set")) form.own(changes.settled());
    } else {
      standing = { state: "ready", step: 0, max_steps: 0 };
      buttons();
      exhibit();
    }
    await haunt();
    if (!(await form.takeVocabulary())) form.replan();
  }
  /** Show the example, unless a run of the visitor's own is quicker. */
  const exhibit = guarded(async () => {
    figures();
    example ??= exampleRun(await ask("read_example_run"));
    if (run !== null) return;
    figures();
    await redraw();
  });
  const again = () => {
    redraw().catch(fail);
    moments.redraw();
    redrawSchedule(find);
    speak();
  };
  guarded(settle)();
  return { theme: again, resize: again };
});
