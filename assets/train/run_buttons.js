// The buttons that steer a run: which are there, which can be pressed, and which one leads.
import { format } from "../shared/format.js";
import { waits } from "./run_queue.js";

/**
 * @param {(selector: string) => any} find
 * @param {object} now
 * @param {any} now.standing how the run stands
 * @param {boolean} now.there whether there is a run
 * @param {boolean} now.going whether it trains or rests
 * @param {boolean} now.ended
 * @param {boolean} now.started whether it made a step
 * @param {boolean} now.ready whether the form can start one
 * @param {boolean} now.changed whether the form holds what only a new run can have
 * @param {number} now.end the step that Continue would lead to
 */
export function drawRunButtons(find, { standing, there, going, ended, started, ready, changed, end }) {
  const part = (id) => find(`[data-id=${id}]`),
    [start, proceed] = [part("start"), part("continue")];
  const alive = going || waits(standing),
    restart = there && (alive || ended),
    lead = !restart || changed ? start : ended ? proceed : null;
  for (const button of [start, proceed]) button.classList.toggle("gb-primary", button === lead);
  start.textContent = restart ? "Restart" : "Start";
  start.disabled = !ready;
  proceed.hidden = !ended;
  proceed.textContent = `Continue to ${format.whole(end)}`;
  proceed.disabled = end <= standing.step;
  for (const id of ["pause", "step"]) part(id).disabled = !going;
  part("stop").disabled = !alive || Boolean(standing.stopping);
  part("stop").textContent = waits(standing) && !started ? "Leave the queue" : "Stop";
  part("pause").textContent = standing.state === "paused" ? "Resume" : "Pause";
  part("take").hidden = !there;
}
