// The sweep: each part off alone, ranked by the loss it costs. The server does a bounded piece of it a
// call, so the page shows how far it is and can stop between two.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";
import { partName, signed } from "./switches.js";

/** @import { Ask } from "../shared/server.js" */

/**
 * Ask for all parts' losses; null if no longer wanted.
 * @param {Ask} ask
 * @param {object} place
 * @param {() => boolean} wanted
 * @param {(share: number, left: number) => void} onProgress the share done, and the seconds left
 * @returns {Promise<number[] | null>} in nats a token
 */
export const sweepParts = async (ask, place, wanted, onProgress) => {
  const losses = [],
    started = performance.now();
  for (let total = Infinity; losses.length < total; ) {
    const answer = await ask("sweep_parts", { ...place, first: losses.length });
    if (!wanted()) return null;
    losses.push(...answer.losses);
    total = answer.total;
    const share = losses.length / total;
    onProgress(share, (((performance.now() - started) / 1000) * (1 - share)) / share);
  }
  return losses;
};

/**
 * The ranked list: a row for each part, most costly first; a click flips its switch.
 * @param {HTMLElement} box
 * @param {Map<string, number>} costs of each part, in nats a token
 * @param {number} most the size of a full bar
 * @param {Set<string>} off the parts that are off
 * @param {(parts: string[], off: boolean) => void} onFlip
 */
export const partRanks = (box, costs, most, off, onFlip) => {
  const ranked = [...costs].sort((a, b) => b[1] - a[1]);
  box.replaceChildren(
    ...ranked.map(([part, cost]) =>
      el(
        "li",
        {},
        el(
          "button",
          {
            type: "button",
            "aria-pressed": String(off.has(part)),
            title: off.has(part) ? "Switch on" : "Switch off",
            onclick: () => onFlip([part], !off.has(part)),
          },
          el("span", { class: "gb-ab-part" }, partName(part)),
          el(
            "span",
            { class: "gb-ab-bar", "aria-hidden": "true" },
            el("i", { class: cost < 0 ? "gb-ab-helps" : "", style: `width: ${(100 * Math.abs(cost)) / most}%` }),
          ),
          el("span", { class: "gb-ab-cost" }, signed(cost)),
          el("span", { class: "gb-ab-off" }, off.has(part) ? "off" : ""),
        ),
      ),
    ),
  );
};

/** Probabilities before and after in one table; all bars share one scale. `after` is null while all is on. */
export const pairedBars = (body, rows, both) => {
  const most = Math.max(...rows.flatMap(({ before, after }) => [before, after]));
  const bar = (p, kind) =>
    el(
      "td",
      { class: `gb-ab-${kind}` },
      el(
        "span",
        {},
        el("span", { class: "gb-ab-track", "aria-hidden": "true" }, el("i", { style: `width: ${(100 * p) / most}%` })),
        el("span", { class: "gb-ab-p" }, format.probability(p)),
      ),
    );
  body.replaceChildren(
    ...rows.map(({ text, before, after }) =>
      el("tr", {}, el("th", { scope: "row" }, visible(text)), bar(before, "before"), both ? bar(after, "after") : null),
    ),
  );
};
