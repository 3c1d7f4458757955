// A task's questions at each evaluation: a grid of right and wrong, the newest on top, and the answers in words.
import { canvas2d } from "../shared/canvas.js";
import { color } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { tip } from "../shared/tooltip.js";

const ROWS = 24,
  CELL = 10,
  LABEL = 90;

/** Whether an answer is exactly right: its first line counts. */
const isRight = (given, right) => given.split("\n")[0] === right;

/** Shares of right answers over the steps: one line, or two where training shows some of the questions. */
function exams(digest, { exam }) {
  const taken = digest.moments.filter((moment) => moment.exam);
  if (!exam.length || !taken.length) return [];
  const two = exam.some(([, , seen]) => seen);
  return (two ? [false, true] : [false]).map((seen) => ({
    name: !two ? "right" : seen ? "right, of those trained on" : "right, never shown",
    dashed: seen,
    points: taken.map((moment) => [moment.step, share(moment, exam, seen)]),
  }));
}
const shares = new WeakMap(); // an exam stays as it was, and this is asked for at every news
function share({ exam: given }, exam, seen) {
  if (!shares.has(given)) {
    shares.set(
      given,
      [false, true].map((which) => {
        const asked = exam
          .map((question, i) => [question, given[i] ?? ""])
          .filter(([question]) => question[2] === which);
        return asked.filter(([question, answer]) => isRight(answer, question[1])).length / asked.length;
      }),
    );
  }
  return shares.get(given)[Number(seen)];
}

/**
 * Draws into the canvas "marks" and the list "answers".
 * @param {(selector: string) => any} find
 */
function examSheet(find) {
  const marks = find("[data-id=marks]");
  let rows = [],
    exam = [];
  const cellOf = (width) => Math.min(CELL, (width - LABEL - 8) / exam.length);
  const right = (moment, k) => isRight(moment.exam[k] ?? "", exam[k][1]);

  function drawMarks() {
    const width = marks.parentElement.clientWidth || 600,
      cell = cellOf(width);
    const pen = canvas2d(marks, width, rows.length * CELL + 2),
      ink = color("--gb-soft");
    const good = color("--gb-good"),
      bad = color("--gb-key"),
      first = exam.findIndex(([, , seen]) => seen);
    pen.font = `11px ${color("--gb-sans")}`;
    pen.textBaseline = "middle";
    rows.forEach((moment, row) => {
      const marked = exam.map((_, k) => right(moment, k));
      pen.globalAlpha = 1;
      pen.fillStyle = ink;
      pen.fillText(
        `${format.whole(moment.step)}: ${marked.filter(Boolean).length} of ${exam.length}`,
        0,
        row * CELL + CELL / 2,
      );
      marked.forEach((is, k) => {
        const inset = is ? 1 : 3; // wrong is also smaller: colour alone would not reach everyone
        pen.globalAlpha = is ? 1 : 0.45;
        pen.fillStyle = is ? good : bad;
        const x = LABEL + k * cell + inset / 2,
          y = row * CELL + inset / 2 + 0.5;
        pen.fillRect(x, y, Math.max(1, cell - inset), CELL - inset);
      });
    });
    pen.globalAlpha = 1;
    pen.fillStyle = ink;
    if (first > 0) pen.fillRect(LABEL + first * cell - 0.5, 0, 1, rows.length * CELL);
  }

  function drawAnswers(moment) {
    find("[data-id=answers]").replaceChildren(
      ...exam.map(([prompt, answer], k) => {
        const given = (moment.exam[k] ?? "").split("\n")[0],
          is = given === answer;
        const sign = el("span", { "aria-label": is ? "right" : "wrong" }, is ? "✓ " : "✗ ");
        const differing = [...given].map((letter, i) => (letter === answer[i] ? letter : el("u", {}, letter)));
        return el(
          "li",
          { class: "gb-mono" },
          el("span", { class: "gb-soft" }, prompt),
          el("span", { class: is ? "gb-is-right" : "gb-is-wrong" }, sign, ...differing),
          is ? null : el("span", { class: "gb-soft" }, `→ ${answer}`),
        );
      }),
    );
  }

  marks.addEventListener("pointermove", ({ offsetX, offsetY, clientX, clientY }) => {
    const k = Math.floor((offsetX - LABEL) / cellOf(marks.clientWidth)),
      moment = rows[Math.floor(offsetY / CELL)];
    if (!moment || !exam[k]) return tip.hide();
    const [prompt, answer] = exam[k],
      given = (moment.exam[k] ?? "").split("\n")[0];
    const verdict = given === answer ? "right" : `right would be ${answer}`;
    tip.show(clientX, clientY, `${prompt}${given}`, verdict, `step ${format.whole(moment.step)}`);
  });
  marks.addEventListener("pointerleave", () => tip.hide());

  /** Show the evaluations up to one of them, that one in words. */
  return (moments, questions) => {
    rows = moments
      .filter((moment) => moment.exam)
      .slice(-ROWS)
      .reverse();
    exam = questions;
    if (!rows.length) return;
    drawMarks();
    drawAnswers(rows[0]);
  };
}

export { examSheet, exams as examsOf };
