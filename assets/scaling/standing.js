// How a sweep stands that trains in the background, in words and in its three buttons.

const WORDS = {
  running: "training",
  waiting: "waiting for its turn",
  paused: "paused",
  finished: "done",
  stopped: "stopped; what was reached is kept",
  time: "time was up; what was reached is kept",
};

/**
 * What a poll answers.
 * @typedef {{ state: string, failure: string, under_way: string, step: number }} Standing
 */

/** @param {Standing | null} standing */
const live = (standing) => ["running", "waiting", "paused"].includes(standing?.state ?? "");

/**
 * Start, or Pause and Stop: whichever makes sense now.
 * @param {(selector: string) => any} find
 * @param {Standing | null} standing
 */
function showButtons(find, standing) {
  find("[data-id=start]").hidden = live(standing);
  for (const name of ["pause", "stop"]) find(`[data-id=${name}]`).hidden = !live(standing);
  find("[data-id=pause]").textContent = standing?.state === "paused" ? "Resume" : "Pause";
}

export { live, showButtons, WORDS };
