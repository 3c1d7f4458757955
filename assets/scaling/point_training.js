// One training of the shipped sweep, made again here: how long it will take, how it stands, and what it reached.
import { emit } from "../shared/events.js";
import { format } from "../shared/format.js";
import { latest } from "../shared/latest.js";
import { live, showButtons, WORDS } from "./standing.js";

/** @import { Ask } from "../shared/server.js" */
/** @import { Dot } from "./scaling_chart.js" */

const POLL = 1000, // milliseconds, while it trains
  SETTLED = 400; // for so long a point is looked at before anything is measured for it

/**
 * @param {{ ask: Ask, find: (selector: string) => any, root: HTMLElement,
 *   guarded: (work: () => Promise<unknown>) => Promise<void>, moved: () => unknown }} page
 *   `moved` runs when a training here has reached another loss
 */
export function pointTraining({ ask, find, root, guarded, moved }) {
  const seconds = new Map(); // by width: what a training takes here, or why it can't be
  let standing = null,
    /** @type {Dot | null} */ dot = null, // the one that is chosen, if it is of the shipped sweep
    /** @type {Record<string, string>} */ titles = {}, // of all points
    timer = null,
    settling = null;

  const poll = latest(() =>
    guarded(async () => {
      clearTimeout(timer);
      const before = standing?.losses;
      standing = await ask("poll_point");
      tell();
      if (before !== undefined && before !== standing.losses) {
        emit("models");
        moved();
      }
      if (live(standing) && root.isConnected) timer = setTimeout(poll, POLL);
    }),
  );

  const forecast = latest(async () => {
    const of = dot;
    if (!of || seconds.has(of.width)) return;
    try {
      const told = await ask("forecast_point", { point: of.point });
      seconds.set(of.width, told.problem || told.seconds);
    } catch (error) {
      seconds.set(of.width, error.message);
    }
    tell();
  });

  function tell() {
    const here = find("[data-id=again]");
    here.hidden = !dot && !live(standing);
    if (here.hidden) return;
    const takes = seconds.get(dot?.width);
    showButtons(find, standing);
    const start = find("[data-id=start]");
    start.hidden ||= !dot || typeof takes === "string" || dot.ref.startsWith("point:");
    start.textContent = `Train this one here${typeof takes === "number" ? ` (about ${format.seconds(takes)})` : ""}`;
    find("[data-id=training]").textContent = status(takes);
  }
  function status(takes) {
    if (standing?.state === "failed") return standing.failure;
    if (live(standing) && standing.under_way)
      return (
        `${titles[standing.under_way] ?? standing.under_way}: step ${format.whole(standing.step)} of ` +
        `${format.whole(standing.steps)}, ${WORDS[standing.state]}.`
      );
    if (live(standing)) return WORDS[standing.state];
    if (typeof takes === "string") return takes;
    return dot?.ref ? "" : "Its weights don't ship. The same settings and seed lead to the same model.";
  }

  find("[data-id=start]").addEventListener("click", () =>
    guarded(async () => {
      standing = { ...standing, ...(await ask("start_point", { point: dot?.point })) };
      await poll();
    }),
  );
  const steer = (action) =>
    guarded(async () => {
      await ask("steer_point", { action });
      await poll();
    });
  find("[data-id=pause]").addEventListener("click", () => steer(standing?.state === "paused" ? "resume" : "pause"));
  find("[data-id=stop]").addEventListener("click", () => steer("stop"));

  return {
    /**
     * Offer the training of another point.
     * @param {Dot | null} chosen
     */
    show(chosen) {
      const other = chosen?.point !== dot?.point;
      dot = chosen;
      tell();
      if (!other) return;
      clearTimeout(settling);
      if (dot && !dot.ref.startsWith("point:")) settling = setTimeout(forecast, SETTLED);
    },
    /** @param {Dot[]} dots */
    know(dots) {
      titles = Object.fromEntries(dots.map((one) => [one.point, one.title]));
    },
    poll,
  };
}
