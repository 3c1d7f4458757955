// The numbers above a run's chart, and in words what they mean.
import { format } from "../shared/format.js";
import { examsOf } from "./exam.js";
import { waitingWords, waits } from "./run_queue.js";

const WORDS = {
  running: "Training.",
  paused: "Paused.",
  finished: "Finished.",
  stopped: "Stopped; everything is saved.",
  time: "The time was up; everything is saved.",
  target: "The validation loss is as low as you wanted.",
  patience: "The validation loss no longer fell, so it stopped.",
  interrupted: "Its program ended under it. Continue from where it was last saved.",
};
const PENDING = "Paused; the change counts from the next step on.";
const percent = (share) => (share === undefined || share === null ? "–" : `${Math.round(100 * share)} %`);

const joules = (j) =>
  j < 1e3 ? `${format.number(j)} J` : j < 1e6 ? `${format.number(j / 1e3)} kJ` : `${format.number(j / 1e6)} MJ`;
const remaining = (s) => (s > 600 && s < 3600 ? `${Math.round(s / 60)} min` : format.seconds(s));

function status(standing, end, pending) {
  const { state, failure, ready, stopping, remark } = standing;
  if (failure) return failure;
  if (stopping) return "Stopping; everything is being saved.";
  if (waits(standing)) return waitingWords(standing);
  if (state === "diverged")
    return `${end?.why || "The loss was no longer a number."} Lower the learning rate and continue from its last good snapshot.`;
  if (ready === false) return "Building the model…";
  return pending && state === "paused" ? PENDING : remark || (WORDS[state] ?? "Ready.");
}

/** The point of a curve at a step, or the last one before it; the newest for null, undefined before the first. */
const pointAt = (curve, step) =>
  step === null ? (curve.last ?? undefined) : curve.points().findLast((point) => point[0] <= step);

/**
 * A step's loss in words, beside what counting alone would reach; "" before the first evaluation.
 * `at`: a step, or null for the newest; `brief` leaves out all that a glance from afar does not need.
 */
function sentence({ digest, backdrop, at, example, brief }) {
  const { baselines, unit = "tokens" } = backdrop,
    point = pointAt(digest.curve("validation_loss"), at);
  if (!point) return "";
  const [evaluated, validation] = point;
  const right = examsOf(digest, backdrop)[0]?.points.findLast(([step]) => at === null || step <= at)?.[1];
  const choices = (loss) => format.number(Math.exp(loss)),
    step = `${example ? "The example at step" : "Step"} ${format.whole(at ?? evaluated)}`,
    exam = right === undefined ? "" : ` ${percent(right)} of the answers are exactly right.`;
  if (brief)
    return `${step}: loss ${format.number(validation)}, as unsure as among ${choices(validation)} ${unit}.${exam}`;
  const train = pointAt(digest.curve("loss"), at)?.[1],
    floor = baselines.find((line) => line.floor),
    best = floor ? `; no model gets below ${choices(floor.loss)}` : "",
    batch = at === null || train === undefined ? "" : ` Loss of its batch: ${format.number(train)} nats.`;
  return (
    `${step}: ${format.number(validation)} nats on text it has not seen, as unsure as if it chose evenly among ` +
    `${choices(validation)} ${unit}${best}.${exam}${batch}`
  );
}

/** runNumbers(find): a function that writes down how a run stands; `standing` is what poll_run told. */
const runNumbers =
  (find) =>
  ({ standing, digest, backdrop, pending }) => {
    const write = (id, text) => {
      const node = find(`[data-id=${id}]`);
      if (node.textContent !== text) node.textContent = text;
    };
    const last = (name) => digest.curve(name).last?.[1],
      validation = last("validation_loss");
    const right = examsOf(digest, backdrop)[0]?.points.at(-1)?.[1];
    const { step, max_steps: steps, state } = standing,
      going = state === "running" || state === "paused";
    write("status", status(standing, digest.end, pending));
    write("n-step", steps ? `${format.whole(step)} / ${format.whole(steps)}` : "–");
    write("n-train", format.number(last("loss") ?? last("train_loss")));
    write("n-validation", format.number(validation));
    write("n-perplexity", format.number(validation === undefined ? undefined : Math.exp(validation)));
    find("[data-id=f-right]").hidden = right === undefined;
    write("n-right", percent(right));
    write("n-norm", format.number(last("grad_norm")));
    write("n-speed", format.number(standing.tokens_per_second));
    find("[data-id=f-energy]").hidden = !standing.joules;
    find("[data-id=f-energy]").title =
      "About: it is counted for the whole machine, whatever else runs on it. Pauses are left out";
    write("energy-of", `energy, ${standing.joules_of}`);
    write("n-energy", `≈ ${joules(standing.joules ?? 0)}`);
    write("n-outside", percent(standing.outside));
    write("n-left", going ? remaining(standing.seconds_left ?? NaN) : "–");
    const made = steps ? Math.min(1, step / steps) : 0,
      progress = find("[data-id=progress]");
    progress.firstElementChild.style.transform = `scaleX(${made})`;
    progress.setAttribute("aria-valuenow", Math.round(100 * made));
  };

export { runNumbers, sentence };
