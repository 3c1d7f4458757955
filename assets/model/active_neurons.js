// The neurons of a block that are most on, each a way to its panel.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";

const ACTIVE = 6; // named

/**
 * @param {HTMLElement} box
 * @param {ArrayLike<number>} values after the activation, by neuron
 * @param {(neuron: number) => void} choose
 */
export function drawActive(box, values, choose) {
  const best = [...Array(values.length).keys()].sort((a, b) => values[b] - values[a]).slice(0, ACTIVE);
  box.replaceChildren(
    "most active: ",
    ...best.map((n) =>
      el("button", { type: "button", onclick: () => choose(n) }, `${n} `, el("b", {}, format.number(values[n]))),
    ),
  );
}
