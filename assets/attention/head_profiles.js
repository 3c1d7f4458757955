// What kind of head each one is: measured on the prompt, or on random tokens that are repeated. Keeps
// which of the two is asked for and in what order the grid stands; both are in the address.
// In the order of the scores that the server sends: kind, name of such a head, where it looks.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";

/** @import { Parts } from "../shared/panel.js" */

const KINDS = [
  ["previous", "previous token", "previous token"],
  ["first", "first token", "first token"],
  ["self", "self", "itself"],
  ["duplicate", "duplicate token", "same token before"],
  ["induction", "induction", "what followed it before"],
  ["diffuse", "diffuse", "evenly, everywhere"],
];
const HABITS = {
  previous: "looks at the token before",
  first: "rests on the first token",
  self: "looks at the token itself",
  duplicate: "looks at the same token earlier",
  induction: "looks at what followed the same token earlier",
  diffuse: "looks everywhere evenly",
};
const nameOf = (kind) => KINDS.find((known) => known[0] === kind)[1];

/**
 * The controls, in the markup of the view.
 * @param {Pick<Parts, "find" | "ask" | "notice"> & { change: () => void }} parts change() redraws what depends on the scores
 */
export const headProfiles = ({ find, ask, notice, change }) => {
  const sort = find("[data-id=sort]");
  let random = address.get("scores") === "random",
    onPrompt = null,
    onRandom = null,
    subject = null;
  sort.append(...KINDS.map(([kind, , where]) => el("option", { value: kind }, `score: ${where}`)));
  if (KINDS.some(([kind]) => kind === address.get("sort"))) sort.value = address.get("sort");

  /** A new picture: its kinds, the subject it is of. The random tokens' scores are fetched if they are wanted. */
  function take(kinds, of, sampled) {
    if (subject?.model !== of.model || subject?.step !== of.step) onRandom = null;
    onPrompt = kinds;
    subject = of;
    find("[data-id=sampled]").hidden = sampled === null;
    find("[data-id=sampled]").textContent = `Measured on ${sampled} tokens of this long prompt, spread evenly.`;
    if (random) fetchRandom();
  }

  async function fetchRandom() {
    const of = subject;
    if (!of || onRandom) return;
    try {
      const { kinds } = await ask("score_heads", { model: of.model, step: of.step });
      if (of.model !== subject.model || of.step !== subject.step) return;
      onRandom = kinds;
      change();
    } catch (error) {
      notice(error.message);
    }
  }

  const kinds = () => (random && onRandom ? onRandom : onPrompt);

  /** The best of a head's scores, by name: "self 0.31". Diffuse is a name only where it is the whole story. */
  function best({ scores }) {
    const known = scores
      .slice(0, -1)
      .map((score, i) => [score, i])
      .filter(([score]) => score !== null);
    if (!known.length) return null;
    const [score, i] = known.reduce((top, one) => (one[0] > top[0] ? one : top));
    return `${KINDS[i][1]} ${score.toFixed(2)}`;
  }

  /** "previous token 0.83", or "unclear" with the score that comes closest. */
  function label(i) {
    const { kind, score } = kinds()[i],
      closest = best(kinds()[i]);
    return score === null ? `unclear${closest ? `: at most ${closest}` : ""}` : `${nameOf(kind)} ${score.toFixed(2)}`;
  }

  /** What a clear head does, to follow its name: " looks at the token before: 0.83 of its attention."; else ":". */
  function habit(i) {
    const { kind, score } = kinds()[i];
    if (score === null) return ":";
    return kind === "diffuse"
      ? ` ${HABITS[kind]}: ${score.toFixed(2)} of the greatest entropy.`
      : ` ${HABITS[kind]}: ${score.toFixed(2)} of its attention.`;
  }

  /** Fill the rail with one head's scores. */
  function table(i) {
    const found = kinds()[i];
    for (const button of find("[data-id=measured]").children) {
      button.setAttribute("aria-pressed", String((button.value === "random") === random));
    }
    find("[data-id=scores]").replaceChildren(
      ...KINDS.map(([kind, , where], k) => {
        const score = found.scores[k];
        return el(
          "tr",
          { class: found.kind === kind && "gb-here" },
          el("td", {}, where),
          el("td", {}, el("i", { style: `width: ${100 * (score ?? 0)}%` })),
          el("td", {}, score === null ? "–" : score.toFixed(2)),
        );
      }),
    );
  }

  /** Places of all heads with the highest score first, and a name for each; null where they stand by layer. */
  function sorted(heads) {
    const k = KINDS.findIndex(([kind]) => kind === sort.value);
    if (k < 0) return null;
    const scores = kinds().map((one) => one.scores[k]);
    const order = scores.map((_, i) => i).sort((a, b) => (scores[b] ?? -1) - (scores[a] ?? -1) || a - b);
    const where = (i) => `${Math.floor(i / heads)}.${i % heads}`;
    return { order, name: (i) => `${where(i)} ${scores[i] === null ? "–" : scores[i].toFixed(2).replace("0.", ".")}` };
  }

  sort.addEventListener("change", () => {
    address.set({ sort: sort.value });
    sort.blur(); // arrow keys go back to the heads
    change();
  });
  find("[data-id=measured]").addEventListener("click", (event) => {
    if (!event.target.value) return;
    random = event.target.value === "random";
    address.set({ scores: random ? "random" : null });
    if (random) fetchRandom();
    change();
  });
  return { take, label, habit, table, sorted };
};
