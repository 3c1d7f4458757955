// Where a logit comes from: a cell for each head, each layer's MLP and biases, and the embeddings. They add up to it.
import { color, cssRgb, palette } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { roving } from "../shared/roving.js";
import { visible } from "../shared/tokens/visible.js";

/** @typedef {import("../answers.js").Answers["read_attribution"]} Attribution */

const signed = (x) => (x > 0 ? `+${format.number(x)}` : format.number(x));

/**
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {(id: number) => void} acts.onTarget another token's logit
 * @param {(layer: number, head: number) => void} acts.onHead
 * @param {(layer: number, neuron: number) => void} acts.onNeuron
 * @param {(text?: string) => void} acts.say
 */
export const logitParts = (box, { onTarget, onHead, onNeuron, say }) => {
  let layer = null; // whose neurons are listed
  const settle = roving(box, "td > *", { onLeave: () => say() });

  /** @param {Attribution} parts */
  function draw(parts) {
    const { heads, mlps, biases, target, candidates } = parts;
    const all = [parts.token, parts.place, parts.norm, ...heads.flat(), ...mlps, ...biases],
      most = Math.max(...all.map(Math.abs)) || 1,
      map = palette("diverging");
    layer = layer === null || layer >= heads.length ? heads.length - 1 : layer;

    /** One part: its number on its colour; a button where it leads somewhere. */
    const part = (name, x, act = null) => {
      const [r, g, b] = map[Math.round(127.5 * (1 + x / most))];
      const looks = `background: ${cssRgb([r, g, b])}; color: ${0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#16191f" : "#ffffff"}`;
      const tell = () => say(`${name} adds ${signed(x)} to the logit of ${visible(target.text)}.`);
      const inside = act
        ? el(
            "button",
            { type: "button", style: looks, onclick: act, "aria-label": `${name}: ${signed(x)}`, onfocus: tell },
            short(x),
          )
        : el("span", { style: looks, role: "img", "aria-label": `${name}: ${signed(x)}`, onfocus: tell }, short(x));
      return el("td", { onpointerenter: tell, onpointerleave: () => say() }, inside);
    };
    const roomy = box.clientWidth / (heads[0].length + 3) > 40 * (parseFloat(color("--gb-scale")) || 1);
    const short = (x) => (!roomy ? "\u00a0" : Math.abs(x) < 0.005 ? "0" : signed(Number(x.toFixed(2))));

    const table = el(
      "table",
      { class: heads.length > 8 ? "gb-crowded" : null },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", {}, "block"),
          ...heads[0].map((_, h) => el("th", { title: `head ${h}` }, `h${h}`)),
          el("th", { class: "gb-of-mlp" }, "MLP"),
          el("th", {}, "bias"),
        ),
      ),
      el(
        "tbody",
        {},
        ...heads.map((row, l) =>
          el(
            "tr",
            { class: l === layer ? "gb-open" : null },
            el("th", {}, String(l)),
            ...row.map((x, h) => part(`Layer ${l}, head ${h}`, x, () => onHead(l, h))),
            part(`The MLP of layer ${l}`, mlps[l], () => {
              layer = l;
              draw(parts);
            }),
            part(`The biases of layer ${l}`, biases[l]),
          ),
        ),
      ),
    );
    const single = (name, x) => el("span", {}, `${name} `, el("b", {}, signed(x)));
    const rest = el(
      "p",
      { class: "gb-rest" },
      single("token embedding", parts.token),
      single("position", parts.place),
      single("last LayerNorm's bias", parts.norm),
    );
    const sum = all.reduce((total, x) => total + x, 0);
    const total = el(
      "p",
      { class: "gb-shares-total" },
      "sum ",
      el("b", { data: { id: "sum" } }, format.number(sum)),
      " = logit ",
      el("b", { data: { id: "logit" } }, format.number(parts.logit)),
      el(
        "span",
        { class: "gb-soft" },
        ` of ${visible(target.text)}; LayerNorm divides by ${format.number(parts.scale)}`,
      ),
    );
    const chips = el(
      "p",
      { class: "gb-targets", role: "group", "aria-label": "Whose logit" },
      ...candidates.slice(0, 8).map(({ id, text }) =>
        el(
          "button",
          {
            type: "button",
            class: "gb-token",
            "aria-pressed": String(id === target.id),
            onclick: () => onTarget(id),
          },
          visible(text),
        ),
      ),
    );
    const neurons = el(
      "p",
      { class: "gb-neurons" },
      `neurons of block ${layer}: `,
      ...parts.neurons[layer].map(({ neuron, by }) =>
        el("button", { type: "button", onclick: () => onNeuron(layer, neuron) }, `${neuron} `, el("b", {}, signed(by))),
      ),
    );
    box.replaceChildren(chips, el("div", { class: "gb-shares-grid" }, table), rest, neurons, total);
    settle();
  }
  return { draw };
};
