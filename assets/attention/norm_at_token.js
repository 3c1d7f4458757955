// A LayerNorm of the model at one token: what comes in, what it makes of it, entry by entry.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { floatsOf } from "../shared/numbers.js";
import { visible } from "../shared/tokens/visible.js";
import { layerNorm } from "./layer_norm.js";

/** @import { Ask } from "../shared/server.js" */

const asNumber = (key) => (/^\d{1,7}$/.test(address.get(key) ?? "") ? Number(address.get(key)) : null);

/**
 * The choice of a LayerNorm and a token, and the bars.
 * @param {object} tools
 * @param {(id: string) => any} tools.part an element of the view
 * @param {Ask} tools.ask
 * @param {(text: string) => void} tools.say
 * @param {(text: string, kind: "info") => void} tools.notice
 * @param {() => void} tools.onChoose another LayerNorm or token is wanted: read and draw it
 */
export const normAtToken = ({ part, ask, say, notice, onChoose }) => {
  let place = null, // the model and its moment
    normed = null, // what read_norm answered, unpacked
    norm = asNumber("norm"),
    position = asNumber("pos"),
    turn = 0;
  const bars = layerNorm(part("norm-bars"), pointEntry);

  /** Another model or moment: what is known is of the one before. */
  function forget(next) {
    place = next;
    normed = null;
  }
  async function read() {
    const mine = (turn += 1),
      wanted = { norm: norm ?? 0, ...(position === null ? {} : { position }) },
      answer = await ask("read_norm", { ...place, ...wanted });
    if (mine === turn) take(answer);
  }

  function take(answer) {
    normed = answer;
    if (!answer.tokens.length) return;
    for (const name of ["before", "gain", "bias", "after"]) normed[name] = floatsOf(answer[name]);
    normed.normed = normed.before.map((x) => (x - answer.mean) / answer.std);
    if (answer.note) notice(answer.note, "info");
  }

  const nameOf = (number, layers) =>
    number === 2 * layers
      ? "last one, before the head"
      : `layer ${Math.floor(number / 2)}, before ${number % 2 ? "the MLP" : "attention"}`;

  function draw() {
    if (!normed) return;
    const { tokens, layers } = normed,
      select = part("norm");
    part("norm-facts").hidden = tokens.length === 0;
    if (!tokens.length) {
      part("norm-tokens").replaceChildren(
        el(
          "p",
          { class: "gb-empty" },
          "Write a prompt at the top; its tokens appear here, and what LayerNorm makes of each.",
        ),
      );
      return;
    }
    if (select.options.length !== 2 * layers + 1) {
      select.replaceChildren(
        ...Array.from({ length: 2 * layers + 1 }, (_, i) => el("option", { value: i }, nameOf(i, layers))),
      );
    }
    select.value = normed.norm;
    part("norm-tokens").replaceChildren(
      ...tokens.map((token, i) =>
        el(
          "button",
          {
            type: "button",
            class: "gb-token gb-norm-token",
            "aria-pressed": String(i === normed.position),
            onclick: () => choose({ at: i }),
          },
          visible(token.text),
        ),
      ),
    );
    const facts = [
      ["mean", normed.mean],
      ["standard deviation", normed.std],
      ["length in", length(normed.before)],
      ["length out", length(normed.after)],
    ];
    part("norm-facts").replaceChildren(
      ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, format.number(value)))),
    );
    bars.draw(normed);
    pointEntry(null);
  }
  const length = (vector) => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));

  function pointEntry(i) {
    bars.point(i);
    const n = (x) => (x < 0 ? `(${format.number(x)})` : format.number(x));
    say(
      i === null
        ? "Point at an entry to follow it down."
        : `Entry ${i}: (${n(normed.before[i])} − ${n(normed.mean)}) ÷ ${n(normed.std)} = ${n(normed.normed[i])}; ` +
            `× gain ${n(normed.gain[i])} + bias ${n(normed.bias[i])} = ${n(normed.after[i])}.`,
    );
  }
  function choose({ at = normed.position, number = normed.norm }) {
    [position, norm, normed] = [at, number, null];
    address.set({ pos: position, norm: norm || null });
    onChoose();
  }
  part("norm").addEventListener("change", (event) => choose({ number: Number(event.target.value) }));

  return { forget, read, draw, known: () => normed !== null };
};
