// A run that waits for its turn: its place and the time until then, while a recorded training plays in the picture.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { calm } from "../shared/motion.js";
import { recordedAt } from "./example_run.js";

const FRAME = 500, // milliseconds between two pictures
  FRAMES = 60; // of one performance

/** Whether a run waits, before its first turn or for its next one. */
const waits = (standing) => standing.state === "waiting";

/** Until a turn, in words. */
function until(seconds) {
  if (seconds < 1.5) return "any moment now";
  return `in about ${seconds < 59 ? `${Math.ceil(seconds)} s` : format.seconds(seconds)}`;
}

/** What is said of a run that waits; above a recorded one the time stands already. */
function waitingWords({ place, wait, recorded }) {
  if (place === null) return "Waiting for a place to train.";
  const words = `Waiting, place ${place} in the queue.`;
  return recorded ? words : `${words} Others train now; the next turn comes ${until(wait)}.`;
}

/**
 * recorded(): the example's answer, or a promise of it; played(): draw the next picture.
 * @param {{ find: (selector: string) => any, recorded: () => any, played: () => void }} page
 */
function runQueue({ find, recorded, played }) {
  let told = null,
    picture = null, // what plays, as it stands now
    frame = 0,
    timer = null;

  async function play() {
    told ??= await recorded();
    if (timer === null) return; // its turn came meanwhile
    frame = calm() ? FRAMES : (frame % FRAMES) + 1;
    picture = recordedAt(told, frame / FRAMES);
    played();
    if (!calm()) timer = setTimeout(play, FRAME);
  }

  return {
    /** Play as long as a run waits that has nothing to show yet. */
    follow(standing, begun) {
      const plays = waits(standing) && !begun;
      if (plays && timer === null) timer = setTimeout(() => play().catch(console.error), 0);
      if (!plays && timer !== null) {
        clearTimeout(timer);
        timer = picture = null;
        frame = 0;
      }
    },
    /** What the picture shows instead of the run, or null. */
    shown(standing) {
      return (
        picture && {
          ...picture,
          standing: { ...standing, step: picture.step, max_steps: picture.last, recorded: true },
        }
      );
    },
    /**
     * Write above the picture when the turn comes, and what plays.
     * @param {any} standing
     */
    label({ place, wait }) {
      find("[data-id=example]").replaceChildren(
        el("span", {}, place === null ? "" : `Your turn comes ${until(wait)}. `),
        el("span", { class: "gb-soft" }, `Meanwhile a recorded training plays: ${told.name}.`),
      );
    },
  };
}

export { runQueue, waitingWords, waits };
