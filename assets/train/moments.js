// What a run wrote, answered and found surprising at its evaluations: the newest first, and any of them by slider.
(() => {
  "use strict";
  const { el, format, color, palette, rgb, canvas2d, tip, visible } = glassbox;
  const SAMPLES = 12, ROWS = 24, CELL = 10, SHOWN = 12;

  /** Whether an answer is exactly right: its first line counts. */
  const isRight = (given, right) => given.split("\n")[0] === right;
  const shade = ([r, g, b]) => ((0.2126 * r + 0.7152 * g + 0.0722 * b) / 255 > 0.45 ? "#16191f" : "#e8ebf0");

  /** Shares of right answers over the steps: one line, or two where training shows some of the questions. */
  function exams(digest, { exam }) {
    const lines = exam.some((q) => q[2]) ? [["right, never shown", false, false], ["right, of those trained on", true, true]] : [["right", false, false]];
    const taken = digest.moments.filter((moment) => moment.exam);
    if (!exam.length || !taken.length) return [];
    return lines.map(([name, seen, dashed]) => ({ name, dashed, points: taken.map(({ step, exam: given }) => {
      const asked = exam.map((question, i) => [question, given[i]]).filter(([question]) => question[2] === seen);
      return [step, asked.filter(([question, answer]) => isRight(answer ?? "", question[1])).length / asked.length];
    }) }));
  }

  /** scrubbed(step): a person chose an evaluation, or null for the newest one. */
  function moments({ find, scrubbed }) {
    const slider = find("[data-id=moment]"), marks = find("[data-id=marks]"), list = find("[data-id=samples]"), passage = find("[data-id=passage]");
    let digest = glassbox.digest(), backdrop = { exam: [], passage: [] }, at = null, key = "", tokens = [];

    slider.addEventListener("input", () => {
      const i = slider.valueAsNumber;
      at = i === digest.moments.length - 1 ? null : digest.moments[i].step;
      scrubbed(at);
      draw();
    });

    const index = () => {
      const last = digest.moments.length - 1;
      if (at === null) return last;
      const found = digest.moments.findLastIndex((moment) => moment.step <= at);
      return found < 0 ? 0 : found;
    };

    function draw(force = false) {
      const { moments: known } = digest, i = index(), moment = known[i];
      find("[data-id=scrub]").hidden = known.length < 2;
      slider.max = Math.max(0, known.length - 1);
      slider.value = i;
      find("[data-id=moment-step]").textContent = moment ? `step ${format.whole(moment.step)}${at === null ? " · newest" : ""}` : "";
      const now = `${known.length} ${known.at(-1)?.step} ${i} ${Object.keys(known.at(-1) ?? {}).length}`;
      if (now === key && !force) return;
      key = now;
      const task = backdrop.exam.length > 0;
      find("[data-id=moment-title]").textContent = !task ? "What it writes, after the same opening and with the same luck each time"
        : backdrop.exam.some((q) => q[2]) ? "Its answers: left of the line to questions it was never shown, right of it to some it was trained on"
          : "Its answers to new questions, one column each, always with the likeliest next character";
      list.hidden = task;
      find("[data-id=exam]").hidden = !task || !moment?.exam;
      drawPassage(moment);
      if (task) { drawMarks(i); drawAnswers(moment); } else drawSamples(i);
    }

    function drawSamples(i) {
      const shown = digest.moments.slice(0, i + 1).filter((moment) => moment.sample).slice(-SAMPLES).reverse();
      if (!shown.length) return list.replaceChildren(el("li", { class: "gb-soft" }, "Samples appear here at every evaluation, the newest first."));
      list.replaceChildren(...shown.map(({ step, sample: { prompt, text } }) =>
        el("li", {}, el("time", {}, `step ${format.whole(step)}`),
          el("p", {}, el("span", { class: "gb-given" }, prompt.trimStart()), prompt.trim() ? text : text.trimStart()))));
    }

    function drawPassage(moment) {
      const box = find("[data-id=passage-box]");
      box.hidden = !moment?.passage || !backdrop.passage.length;
      if (box.hidden) return;
      if (tokens.length !== backdrop.passage.length) {
        tokens = backdrop.passage.map((text) => el("span", {}, text));
        passage.replaceChildren(...tokens);
      }
      const colours = palette("surprise"), most = ceiling();
      moment.passage.forEach((nats, k) => {  // the first token has nothing before it, and no loss
        const colour = colours[Math.round(255 * Math.min(1, nats / most))];
        tokens[k + 1].style.background = rgb(colour);
        tokens[k + 1].style.color = shade(colour);
      });
      const ramp = canvas2d(find("[data-id=ramp]"), 96, 10);
      colours.forEach((colour, k) => { ramp.fillStyle = rgb(colour); ramp.fillRect((k * 96) / 256, 0, 1, 10); });
      find("[data-id=ramp-end]").textContent = `${format.number(most)} nats`;
    }
    /** The loss of knowing nothing: the right end of the colours. */
    const ceiling = () => backdrop.baselines?.[0]?.loss ?? 8;
    passage.addEventListener("pointermove", (event) => {
      const k = tokens.indexOf(event.target), nats = digest.moments[index()]?.passage?.[k - 1];
      if (nats === undefined) return tip.hide();
      tip.show(event.clientX, event.clientY, visible(backdrop.passage[k]), `${format.number(nats)} nats: the model gave it ${format.probability(Math.exp(-nats))}`);
    });
    passage.addEventListener("pointerleave", () => tip.hide());

    // ---- right and wrong ------------------------------------------------------------------------------

    const order = () => [...backdrop.exam.keys()];  // those never shown come first
    let rows = [];

    function drawMarks(i) {
      rows = digest.moments.slice(0, i + 1).filter((moment) => moment.exam).slice(-ROWS).reverse();
      if (!rows.length) return;
      const width = marks.parentElement.clientWidth || 600, label = 96, n = backdrop.exam.length;
      const cell = Math.min(CELL, (width - label - 8) / n), pen = canvas2d(marks, width, rows.length * CELL + 2);
      pen.font = `10px ${color("--gb-sans")}`;
      pen.textBaseline = "middle";
      const good = color("--gb-good"), bad = color("--gb-key"), ink = color("--gb-soft");
      rows.forEach(({ step, exam }, row) => {
        pen.globalAlpha = 1;
        pen.fillStyle = ink;
        const right = backdrop.exam.filter((q, k) => isRight(exam[k] ?? "", q[1])).length;
        pen.fillText(`${format.whole(step)}: ${right} of ${n}`, 0, row * CELL + CELL / 2);
        for (const k of order()) {
          const right = isRight(exam[k] ?? "", backdrop.exam[k][1]);
          pen.globalAlpha = right ? 1 : 0.45;
          pen.fillStyle = right ? good : bad;
          const inset = right ? 1 : 3;  // wrong is also smaller: colour alone would not reach everyone
          pen.fillRect(label + k * cell + inset / 2, row * CELL + inset / 2 + 0.5, Math.max(1, cell - inset), CELL - inset);
        }
      });
      pen.globalAlpha = 1;
      const shown = backdrop.exam.findIndex((q) => q[2]);
      if (shown > 0) { pen.fillStyle = ink; pen.fillRect(label + shown * cell - 0.5, 0, 1, rows.length * CELL); }
    }
    marks.addEventListener("pointermove", (event) => {
      const width = marks.clientWidth, cell = Math.min(CELL, (width - 104) / backdrop.exam.length);
      const k = Math.floor((event.offsetX - 96) / cell), moment = rows[Math.floor(event.offsetY / CELL)], question = backdrop.exam[k];
      if (!moment || !question) return tip.hide();
      const given = (moment.exam[k] ?? "").split("\n")[0];
      tip.show(event.clientX, event.clientY, `${question[0]}${given}`, isRight(given, question[1]) ? "right" : `right would be ${question[1]}`, `step ${format.whole(moment.step)}`);
    });
    marks.addEventListener("pointerleave", () => tip.hide());

    function drawAnswers(moment) {
      const rows = backdrop.exam.slice(0, SHOWN).map(([prompt, right], k) => {
        const given = (moment?.exam?.[k] ?? "").split("\n")[0], good = isRight(given, right);
        return el("tr", {}, el("td", { class: "gb-mono" }, prompt),
          el("td", { class: `gb-mono ${good ? "gb-is-right" : "gb-is-wrong"}` }, el("span", { "aria-label": good ? "right" : "wrong" }, good ? "✓ " : "✗ "), ...compared(given, right)),
          el("td", { class: "gb-mono" }, right));
      });
      find("[data-id=answers]").replaceChildren(...rows);
    }
    /** An answer with the characters that differ marked. */
    function compared(given, right) {
      return [...given].map((character, k) => (character === right[k] ? character : el("u", {}, character)));
    }

    return {
      /** Show a run's moments; the same run again only looks for newer ones. */
      show(of, against) {
        if (of !== digest) { digest = of; backdrop = against; at = null; tokens = []; passage.replaceChildren(); draw(true); } else draw();
      },
      /** Look at the evaluation of that step or the last before it; null for the newest. */
      goTo(step) { at = step; draw(); },
      get at() { return at; },
      redraw: () => draw(true),
    };
  }

  Object.assign(glassbox, { moments, exams });
})();
