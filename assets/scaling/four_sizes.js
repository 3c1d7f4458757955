// Scaling, four sizes: what GPT-2's sizes are and what the paper reports of them, beside the model that is looked at.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { leadBy } from "../shared/lead_keys.js";
import { panel } from "../shared/panel.js";
import { short } from "./axes.js";
import { offerChoices } from "./choices.js";
import { measureHere } from "./measuring.js";

const NAMES = { gpt2: "small", "gpt2-medium": "medium", "gpt2-large": "large", "gpt2-xl": "XL" };

const phone = matchMedia("(max-width: 900px)");
const BROAD = 1e5; // a number from here on is shortened on a phone
const counted = (value) => (phone.matches && value >= BROAD ? short(value) : format.whole(value));

/**
 * What is told of each size: its name, the number, how it is written, and what it means.
 * @type {[string, string, (value: any) => string, string][]}
 */
const ROWS = [
  ["blocks", "n_layer", format.whole, "Each is attention and an MLP; what they add up to is the residual stream."],
  ["width", "n_embd", format.whole, "Numbers in the vector of a token, from the first block to the last."],
  ["heads a block", "n_head", format.whole, "In GPT-2 each is 64 wide, so a wider model has more of them."],
  ["context", "n_ctx", format.whole, "Tokens that it can look back on, all four the same."],
  ["vocabulary", "vocab_size", format.whole, "Tokens of the byte-level BPE, all four the same."],
  ["parameters", "n_params", counted, "Counted one by one, the embedding once, since the head is the same matrix."],
  [
    "as printed",
    "printed",
    String,
    "The paper's own counts are lower. OpenAI's repository calls them an error and does not say which; " +
      "the files that were released have the parameters of the line above.",
  ],
  [
    "in the blocks",
    "in_blocks",
    counted,
    "Without embeddings: two thirds of the small one, nearly all of the large. Counted so, a scaling law has another " +
      "exponent.",
  ],
  ["FLOPs a token", "forward", short, "To read one token of a full context: the matrix products, twice an element."],
  ["FLOPs to train", "training", short, "For each token of a training: backwards takes twice what forwards takes."],
  ["weights", "bytes", format.bytes, "In float32; training takes about four times as much, and the activations."],
];

panel("four_sizes", ({ ask, notice, say, find, all, root }) => {
  /** @type {Record<string, string>} */
  const choices = { sizes: "are" };
  let told = null,
    looked = null, // the model and the moment that is told of
    at = 0;

  const measuring = measureHere({ ask, find, subject: () => looked, drawn: draw, notice });
  const offer = offerChoices(all("[data-choice]"), choices, () => turn(0));
  const reach = () => choices.sizes === "reach";

  function draw() {
    if (!told || !root.offsetParent) return;
    offer.show();
    const { sizes, mine, scores } = told;
    find("[data-id=names]").replaceChildren(
      el("th", {}, ""),
      ...sizes.map(({ name, n_params }) =>
        el("th", { scope: "col" }, NAMES[name], reach() ? el("small", {}, ` ${short(n_params)}`) : ""),
      ),
      ...(reach() ? [] : [el("th", { scope: "col", data: { mine: "" } }, mine.title)]),
    );
    const row = (name, cells, index) =>
      el(
        "tr",
        { "aria-selected": String(index === at), onclick: () => turn(index) },
        el("th", { scope: "row" }, ...name),
        ...cells,
      );
    find("[data-id=rows]").replaceChildren(
      ...(reach()
        ? [
            ...scores.map(({ text, measure, scores: all }, i) =>
              row(
                [text, el("small", {}, `, ${measure}`)],
                all.map((score) => el("td", {}, String(score))),
                i,
              ),
            ),
            ...measuring.row(),
          ]
        : ROWS.map(([name, key, write], i) => {
            const cells = sizes.map((size) => el("td", {}, write(size[key])));
            const own = key in mine ? write(mine[key]) : "–";
            return row([name], [...cells, el("td", { data: { mine: "" } }, own)], i);
          })),
    );
    tell();
  }

  function tell() {
    const { scores, sizes, mine } = told;
    for (const name of ["measuring", "commanding"]) find(`[data-id=${name}]`).hidden = !reach();
    measuring.show(mine.title, told.texts);
    if (!reach()) {
      const [name, key, write, means] = ROWS[at];
      find("[data-id=what]").textContent = name;
      const times = sizes[0][key] / mine[key],
        beside =
          Number.isFinite(times) && times !== 1
            ? ` The small one has ${times > 1 ? `${format.number(times)} times` : format.probability(times)} as ` +
              `${key === "n_layer" ? "many" : "much"} as ${mine.title}.`
            : "";
      find("[data-id=how]").textContent = means + beside;
      say(`${name}: ${sizes.map((size) => write(size[key])).join(", ")}. ${means}`);
      return;
    }
    const { text, measure, how, command, higher_is_better, scores: reached } = scores[at];
    find("[data-id=what]").textContent = `${text}, ${measure}`;
    find("[data-id=how]").textContent = `${higher_is_better ? "More" : "Less"} is better. ${how}`;
    find("[data-id=command]").textContent = command
      ? `python -m llm convert openai-community/gpt2 gpt2-small\npython -m llm evaluate --checkpoint gpt2-small ${command}`
      : "Nothing here measures this one.";
    find("[data-id=needs]").textContent = command
      ? "The text does not ship with Glassbox; name your own file of it. What comes out is by our protocol, which the " +
        "command prints."
      : "";
    say(`${text}, ${measure}: ${reached.join(", ")}.`);
  }

  function turn(index) {
    at = index;
    draw();
  }
  const step = (by) => {
    const number = reach() ? told?.scores.length : ROWS.length;
    if (told) turn((at + by + number) % number);
  };
  const other = () => all("[data-choice=sizes] button")[reach() ? 0 : 1].click();
  leadBy(root, {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    ArrowRight: other,
    ArrowLeft: other,
  });

  return {
    refresh: async ({ model, step: moment }) => {
      looked = { model, step: moment };
      told = await ask("read_sizes", looked);
      draw();
    },
    resize: () => {
      if (offer.read().length) at = 0;
      draw();
    },
  };
});
