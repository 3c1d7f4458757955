// What is said of one token that was read: in a sentence, and in the lines beside it.
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { visible } from "../shared/tokens/visible.js";
import { exactly } from "./explaining.js";

const bitsOf = (nats) => format.number(nats / Math.LN2);

/**
 * @param {any} reading what readText answered
 * @param {number} i the token
 * @returns {string}
 */
export function surpriseSentence({ met, vocabulary, ids }, i) {
  const name = `Token ${format.whole(i + 1)}, “${vocabulary.label(ids[i])}”,`;
  if (!met[i]) return `${name} is the first, with nothing before it.`;
  const { nats, rank, expected } = met[i],
    [best, p] = expected[0];
  return (
    `${name} had ${exactly(Math.exp(-nats))}, ${bitsOf(nats)} bits of surprise, ` +
    `rank ${format.whole(rank)}; likeliest was “${vocabulary.label(best)}”, ${exactly(p)}.`
  );
}

/**
 * @param {any} reading what readText answered
 * @param {number} i the token
 * @param {any} gap how far another model is from it there (surpriseApart), if there is one
 * @returns {(string | HTMLElement)[]}
 */
export function surpriseLines({ met, vocabulary, ids }, i, gap) {
  const name = el("span", { class: "gb-mono" }, `${vocabulary.label(ids[i])}  id ${ids[i]}`);
  if (!met[i]) return [name, "the first token: nothing came before it, so it is not scored"];
  const { nats, rank, context, expected } = met[i];
  return [
    name,
    `${bitsOf(nats)} bits of surprise, ${format.probability(Math.exp(-nats))}, rank ${format.whole(rank)} of ${format.whole(vocabulary.size)}`,
    `the model saw ${format.whole(context)} token${context === 1 ? "" : "s"} before it`,
    ...(gap ? [apart(gap, vocabulary, ids)] : []),
    "expected instead:",
    ...expected.map(([id, p]) =>
      el(
        "span",
        { class: "gb-mono" },
        `${id === ids[i] ? "▸ " : "  "}${vocabulary.label(id)}  ${format.probability(p)}`,
      ),
    ),
  ];
}

/** How much less or more surprised the other model was, over as many tokens as both cut the same. */
function apart(gap, vocabulary, ids) {
  const many = gap.to - gap.from > 1 || gap.theirs[1] - gap.theirs[0] > 1,
    where = many ? ` over “${visible(vocabulary.text(ids.slice(gap.from, gap.to)))}”` : "";
  return `the other model was ${gap.bits > 0 ? "less" : "more"} surprised by ${format.number(Math.abs(gap.bits))} bits${where}`;
}
