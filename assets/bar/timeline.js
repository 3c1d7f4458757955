// The timeline: every kept moment of the model's training side by side, the best head of each kind at
// each, and a handle that moves all panels to one of them. Play shows the training as a film.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { emit, on } from "../shared/events.js";
import { format } from "../shared/format.js";
import { calm } from "../shared/motion.js";
import { panel } from "../shared/panel.js";
import { look, subject } from "../shared/subject.js";
import { tip } from "../shared/tooltip.js";

panel("timeline", ({ root, ask, find, notice }) => {
  const KINDS = [
    ["previous", "previous token", "--gb-query"],
    ["induction", "induction", "--gb-chosen"],
    ["first", "first token", "--gb-residual"],
    ["duplicate", "duplicate token", "--gb-mlp"],
  ];
  const MEASURED = {
    line: "a line of its own task: 24 letters, the sign, the same letters",
    random: "random tokens, and the same ones again",
  };
  const LEAST_SPAN = 0.05, // of a score: smaller changes are noise
    FRAME = 600,
    SPEEDS = [1, 2, 4];
  const track = find("[data-id=track]"),
    canvas = track.querySelector("canvas"),
    play = find("[data-id=play]");
  let steps = [],
    moments = [],
    measured = "",
    measuredOn = "", // what the scores were measured on, in words
    turn = 0,
    speed = 1,
    film = null;

  // ---- where we are -------------------------------------------------------------------------------

  const nearest = (step) =>
    steps.reduce((best, s, i) => (Math.abs(s - step) < Math.abs(steps[best] - step) ? i : best), 0);
  const here = () => (subject.step === null ? steps.length - 1 : nearest(subject.step));
  const goTo = (i, turn = true) => look({ step: i === steps.length - 1 ? null : steps[i] }, { turn });

  /** The bar says which moments there are: often while a run trains. */
  function follow({ ref, steps: now }) {
    root.hidden = now.length < 2;
    const changed = ref !== measured || now.length !== steps.length || now.at(-1) !== steps.at(-1);
    if (ref !== measured || (moments.at(-1)?.step ?? -1) > (now.at(-1) ?? -1)) moments = [];
    steps = now;
    if (root.hidden) {
      emit("step", "");
      return stop();
    }
    draw();
    if (changed) {
      measured = ref;
      measure().catch((error) => notice(error.message));
    }
  }

  async function measure() {
    const mine = (turn += 1);
    for (let complete = false; !complete; ) {
      const answer = await ask("read_timeline", { model: subject.model, after: moments.at(-1)?.step ?? -1 });
      if (mine !== turn) return;
      moments = moments.concat(answer.moments);
      measuredOn = MEASURED[answer.measured_on];
      complete = answer.complete || !answer.moments.length;
      draw();
    }
  }

  // ---- drawing ------------------------------------------------------------------------------------

  const PAD = 10;
  const at = (i, width) => PAD + (i * (width - 2 * PAD)) / Math.max(1, steps.length - 1);

  function draw() {
    if (root.hidden || !track.clientWidth) return;
    const width = track.clientWidth,
      height = track.clientHeight,
      pen = canvas2d(canvas, width, height);
    const low = height - 7,
      high = 4;
    pen.strokeStyle = color("--gb-line");
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(at(0, width), low);
    pen.lineTo(at(steps.length - 1, width), low);
    steps.forEach((_, i) => {
      pen.moveTo(at(i, width), low);
      pen.lineTo(at(i, width), low + 3);
    });
    pen.stroke();
    const place = new Map(steps.map((step, i) => [step, i]));
    for (const [kind, , name] of KINDS) {
      pen.strokeStyle = color(name);
      pen.lineWidth = 1.5;
      pen.beginPath();
      const known = moments.filter((m) => m.best[kind] && place.has(m.step)),
        scores = known.map((m) => m.best[kind][0]),
        least = Math.min(...scores),
        span = Math.max(LEAST_SPAN, Math.max(...scores) - least);
      // Each kind on a scale of its own: what a strip this low can show is when a kind of head comes.
      known.forEach((m, k) =>
        pen[k ? "lineTo" : "moveTo"](
          at(place.get(m.step), width),
          low - 2 - ((m.best[kind][0] - least) / span) * (low - 2 - high),
        ),
      );
      pen.stroke();
    }
    const i = here(),
      x = at(i, width);
    pen.strokeStyle = pen.fillStyle = color("--gb-accent");
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(x, 1);
    pen.lineTo(x, low);
    pen.stroke();
    pen.beginPath();
    pen.arc(x, low, 5, 0, 2 * Math.PI);
    pen.fill();
    const text = `step ${format.whole(steps[i])}${i === steps.length - 1 ? " · newest" : ""}`;
    find("[data-id=step]").textContent = text;
    emit("step", text);
    track.setAttribute("aria-valuemax", steps.length - 1);
    track.setAttribute("aria-valuenow", i);
    track.setAttribute("aria-valuetext", text);
  }

  // ---- the hand -----------------------------------------------------------------------------------

  const under = (event) => {
    const box = track.getBoundingClientRect(),
      share = (event.clientX - box.left - PAD) / (box.width - 2 * PAD);
    return Math.max(0, Math.min(steps.length - 1, Math.round(share * (steps.length - 1))));
  };
  function explain(event) {
    const i = under(event),
      moment = moments.find((m) => m.step === steps[i]);
    const rows = KINDS.filter(([kind]) => moment?.best[kind]).map(([kind, name, ink]) => {
      const [score, layer, head] = moment.best[kind],
        row = el("span", {});
      row.append(
        el("i", { class: "gb-key", style: `background: ${color(ink)}` }),
        ` ${name} ${score.toFixed(2)}: layer ${layer}, head ${head}`,
      );
      return row;
    });
    tip.show(
      event.clientX,
      event.clientY,
      `Step ${format.whole(steps[i])}`,
      ...(rows.length
        ? ["The best head of each kind:", ...rows, `measured on ${measuredOn}`]
        : ["Its heads are being measured …"]),
    );
  }
  let dragging = false;
  track.addEventListener("pointerdown", (event) => {
    stop();
    dragging = true;
    track.setPointerCapture(event.pointerId);
    goTo(under(event));
  });
  track.addEventListener("pointermove", (event) => {
    if (dragging) goTo(under(event), false); // its beginning was an entry of the history
    if (event.pointerType !== "touch") explain(event);
  });
  for (const end of ["pointerup", "pointercancel"])
    track.addEventListener(end, () => {
      dragging = false;
    });
  track.addEventListener("pointerleave", () => tip.hide());
  track.addEventListener("keydown", (event) => {
    const to = {
      ArrowLeft: here() - 1,
      ArrowDown: here() - 1,
      ArrowRight: here() + 1,
      ArrowUp: here() + 1,
      Home: 0,
      End: steps.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // the arrows of a view would move its heads
    stop();
    goTo(Math.max(0, Math.min(steps.length - 1, to)));
  });

  // ---- the film -----------------------------------------------------------------------------------

  function stop() {
    clearInterval(film);
    film = null;
    play.setAttribute("aria-pressed", "false");
  }
  function run() {
    clearInterval(film);
    play.setAttribute("aria-pressed", "true");
    film = setInterval(
      () => {
        if (here() >= steps.length - 1) stop();
        else goTo(here() + 1, false);
      },
      (calm() ? 2 * FRAME : FRAME) / speed,
    );
  }
  play.addEventListener("click", () => {
    if (film) return stop();
    if (here() === steps.length - 1) goTo(0, false);
    run();
  });
  find("[data-id=speed]").addEventListener("click", (event) => {
    speed = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length];
    event.currentTarget.textContent = `${speed}×`;
    if (film) run();
  });

  on("moment", (by) => {
    if (!root.hidden) goTo(Math.max(0, Math.min(steps.length - 1, here() + by)));
  });
  on("moments", follow);
  on("subject", draw);
  on("room", () => requestAnimationFrame(draw));
  return { theme: draw, resize: draw };
});
