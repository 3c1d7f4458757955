// The finished training of a shipped model: the Run view shows it until the visitor has a run of their own, and plays
// it while that one waits for its turn.
import { format } from "../shared/format.js";
import { runState } from "./run_state.js";

/** What read_example_run told, as a run on show: { digest, backdrop, standing, label }. */
export function exampleRun(told) {
  const digest = runState(told),
    step = digest.end?.step ?? 0;
  return {
    digest,
    backdrop: told.backdrop,
    standing: { state: "ready", step, max_steps: step },
    label: `A finished example: ${told.name}, ${format.whole(step)} steps. Press Start for your own.`,
  };
}

/** The same as it stood after a share of its steps, from 0 to 1: { digest, backdrop, step, last }. */
export function recordedAt(told, share) {
  const last = told.end?.step ?? 0,
    step = Math.round(share * last),
    until = (points) => points.filter(([at]) => at <= step);
  const curves = Object.fromEntries(Object.entries(told.curves).map(([name, points]) => [name, until(points)])),
    moments = told.moments.filter((moment) => moment.step <= step).map((moment) => ({ ...moment }));
  return { digest: runState({ curves, moments }), backdrop: told.backdrop, step, last };
}
