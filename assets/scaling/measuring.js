// A model measured on a text at hand, window after window: what it reaches stands below the paper's scores.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";

/** @import { Ask } from "../shared/server.js" */

/**
 * What a model has reached on a text so far.
 * @typedef {object} Reached
 * @property {string} model
 * @property {string} title of the text
 * @property {boolean} whole
 * @property {number} nats
 * @property {number} tokens
 * @property {number} bytes
 * @property {number} words
 */

/**
 * @param {{ ask: Ask, find: (selector: string) => any, subject: () => { model: string, step: number | null },
 *   drawn: () => void, notice: (text: string) => void }} page
 *   `drawn` is called when there is more to show
 */
export function measureHere({ ask, find, subject, drawn, notice }) {
  const menu = find("[data-id=text]"),
    start = find("[data-id=measure]"),
    stop = find("[data-id=stop]"),
    status = find("[data-id=measured]");
  let /** @type {Reached | null} */ reached = null,
    going = false;

  async function measure() {
    const of = { ...subject(), text: menu.value };
    const sum = { nats: 0, tokens: 0, bytes: 0, words: 0 };
    going = true;
    notice("");
    show();
    const began = performance.now();
    try {
      for (let done = 0, all = 1; going && done < all; ) {
        const one = await ask("measure_window", { ...of, window: done });
        done += 1;
        all = one.windows;
        for (const key of Object.keys(sum)) sum[key] += one[key];
        reached = { model: one.model, title: one.title, whole: one.whole && done === all, ...sum };
        const left = ((performance.now() - began) / done / 1000) * (all - done);
        status.textContent = `Window ${format.whole(done)} of ${format.whole(all)}${left > 1 ? `, ${format.seconds(left)} left` : ""}`;
        drawn();
      }
    } catch (error) {
      notice(error.message);
    } finally {
      going = false;
      show();
    }
  }
  function show() {
    start.hidden = going;
    stop.hidden = !going;
    if (!going) status.textContent = reached ? about(reached) : "Raw text, the model's whole context, no overlap.";
  }
  const about = ({ title, tokens, whole }) =>
    `${title}: ${whole ? "all" : "the first"} ${format.whole(tokens)} tokens.`;

  start.addEventListener("click", measure);
  stop.addEventListener("click", () => {
    going = false;
  });

  return {
    /**
     * @param {string} title of the model that is looked at
     * @param {{ ref: string, title: string }[]} texts
     */
    show(title, texts) {
      find("[data-id=measured-model]").textContent = title;
      const refs = texts.map(({ ref }) => ref).join("\n");
      if (menu.dataset.refs !== refs) {
        const before = menu.value;
        menu.replaceChildren(...texts.map((text) => el("option", { value: text.ref }, text.title)));
        menu.dataset.refs = refs;
        if (texts.some(({ ref }) => ref === before)) menu.value = before;
      }
      show();
    },
    /** What was measured, as a row below the paper's; none before the first window. */
    row() {
      if (!reached) return [];
      const { nats, tokens, bytes, words, title, model } = reached,
        each = (number) => format.number(Math.exp(nats / number)),
        scores = `${each(tokens)} a token, ${each(words)} a word; ${format.number(nats / Math.LN2 / bytes)} bits per byte`;
      return [
        el(
          "tr",
          { data: { measured: "" } },
          el("th", { scope: "row" }, `${model} on ${title}`, el("small", {}, ", perplexity")),
          el("td", { colspan: "4" }, scores),
        ),
      ];
    },
  };
}
