// The finished training of a shipped model, which the Run view shows until the visitor has a run of their own.
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
