// The likeliest next tokens of two prompts, and of the first with the patch: a bar each.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";

/**
 * Their rows in a table's body.
 * @param {HTMLElement} body
 * @param {{ text: string, base: number, patched: number, source: number }[]} next
 */
export function drawOdds(body, next) {
  const bar = (p, name) =>
    el(
      "td",
      { class: `gb-odds-${name}` },
      el("span", { class: "gb-patch-bar", "aria-hidden": "true" }, el("i", { style: `width: ${100 * p}%` })),
      el("span", {}, format.probability(p)),
    );
  body.replaceChildren(
    ...next.map((one) =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, visible(one.text)),
        bar(one.base, "base"),
        bar(one.patched, "patched"),
        bar(one.source, "source"),
      ),
    ),
  );
}
