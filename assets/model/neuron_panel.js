// One neuron: how much it is on here, the tokens it speaks for and against, and the places of a text where it is strongest.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";

/** @import { Ask } from "../shared/server.js" */
/** @import { Subject } from "../shared/subject.js" */

const signed = (x) => (x > 0 ? `+${format.number(x)}` : format.number(x));

/**
 * @param {HTMLElement} box
 * @param {object} acts
 * @param {Ask} acts.ask
 * @param {(text: string) => void} acts.notice
 * @param {(at: [layer: number, neuron: number]) => void} acts.onPick
 */
export const neuronPanel = (box, { ask, notice, onPick }) => {
  const layer = el("select", { "aria-label": "Block" }),
    neuron = el("input", { type: "number", min: "0", step: "1", "aria-label": "Neuron" }),
    on = el("p", { class: "gb-small" }),
    words = el("div", { class: "gb-neuron-words" }),
    read = el("button", { type: "button", class: "gb-button" }, "Find its contexts"),
    bar = el("progress", { max: "1", value: "0", hidden: true }),
    of = el("p", { class: "gb-small gb-soft" }),
    places = el("ol", { class: "gb-contexts" });
  const body = el("div", { class: "gb-group" }, on, words, el("div", { class: "gb-row" }, read, bar), of, places);
  box.replaceChildren(
    el("p", { class: "gb-heading" }, "Neuron of the MLP"),
    el(
      "div",
      { class: "gb-row gb-neuron-at" },
      el("label", { class: "gb-field" }, el("span", {}, "Block"), layer),
      el("label", { class: "gb-field" }, el("span", {}, "Number"), neuron),
    ),
    body,
  );
  words.title =
    "Logits for each unit that the neuron is on, straight to the output, LayerNorm's scale held at what it is here";
  let turn = 0, // counts questions; an answer to an older one is dropped
    asked = "",
    shown = "",
    reading = false,
    /** @type {[number, number] | null} */ at = null,
    /** @type {(Subject & { position: number }) | null} */ subject = null;

  const pick = () => {
    const wanted = Number.isFinite(neuron.valueAsNumber) ? neuron.valueAsNumber : at?.[1];
    if (wanted === undefined) return;
    neuron.value = String(Math.max(0, Math.min(Number(neuron.max), Math.round(wanted))));
    onPick([Number(layer.value), Number(neuron.value)]);
  };
  layer.addEventListener("change", pick);
  neuron.addEventListener("change", pick);

  /** The number of blocks of the model, and its neurons in each. */
  function fit(layers, count) {
    neuron.max = String(count - 1);
    if (layer.length !== layers)
      layer.replaceChildren(...Array.from({ length: layers }, (_, i) => el("option", { value: i }, String(i))));
  }

  const list = (title, role, tokens) =>
    el(
      "table",
      { class: "gb-table" },
      el("caption", {}, title),
      el(
        "tbody",
        {},
        ...tokens.map(({ text, by }) =>
          el("tr", {}, el("td", { class: "gb-mono" }, visible(text)), el("td", { data: { role } }, signed(by))),
        ),
      ),
    );

  /**
   * Show a neuron for a token of the prompt.
   * @param {[layer: number, neuron: number | null]} next null: the one of the block that is most on there
   * @param {Subject & { position: number }} to
   */
  async function show(next, to) {
    const question = { ...to, layer: next[0], neuron: next[1] };
    if (JSON.stringify(question) === asked) return;
    asked = JSON.stringify(question);
    const mine = (turn += 1),
      found = await ask("read_neuron", question);
    if (mine !== turn) return;
    const here = [to.model, to.step, found.layer, found.neuron].join();
    if (here !== shown) stop();
    [shown, at, subject] = [here, [found.layer, found.neuron], to];
    layer.value = String(found.layer);
    neuron.value = String(found.neuron);
    on.replaceChildren(
      next[1] === null ? "Most on here: " : "On here: ",
      el("b", { data: { role: "mlp" } }, format.number(found.after)),
      ` (${format.number(found.before)} before GELU).`,
    );
    words.replaceChildren(
      list("speaks for", "for", found.promoted),
      list("speaks against", "against", found.suppressed),
    );
  }

  function stop() {
    reading = false;
    read.textContent = "Find its contexts";
    bar.hidden = true;
    of.textContent = "";
    places.replaceChildren();
  }

  async function run() {
    const [l, n] = at;
    reading = true;
    read.textContent = "Stop";
    bar.hidden = false;
    const still = () => reading && String(at) === String([l, n]);
    try {
      while (still()) {
        const found = await ask("read_contexts", { ...subject, layer: l, neuron: n });
        if (!still()) return;
        draw(found);
        if (found.read >= found.total) break;
      }
      reading = false;
      read.textContent = "Find its contexts";
      bar.hidden = true;
    } catch (error) {
      notice(error.message);
      stop();
    }
  }
  read.addEventListener("click", () => {
    if (!reading) run();
    else {
      reading = false;
      read.textContent = "Go on";
    }
  });

  function draw({ title, own, read: so, total, contexts }) {
    bar.value = so / total;
    of.textContent = `${format.whole(so)} of ${format.whole(total)} tokens of ${own ? "the validation text" : "another text"}: ${title}`;
    places.replaceChildren(
      ...contexts.map(({ value, before, token, after }) =>
        el(
          "li",
          {},
          el("b", { data: { role: "mlp" } }, format.number(value)),
          " ",
          el("span", {}, visible(before), el("mark", {}, visible(token)), visible(after)),
        ),
      ),
    );
  }
  return { fit, show };
};
