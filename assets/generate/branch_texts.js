// The text of the chosen branch, with the one it is compared with beneath, and where the two part.
import { format } from "../shared/format.js";
import { fittedText } from "./fit_text.js";
import { tokenChips } from "./token_chips.js";
import { meanLog } from "./token_stream.js";

/** branchTexts(part, pick, point): pick(at) runs when a token of the chosen branch is picked, point(words) on hover. */
export const branchTexts = (part, pick, point) => {
  const first = tokenChips(part("text"), part("ramp"), pick, point),
    second = tokenChips(part("other"), null, null, point),
    letters = fittedText(() => [part("text"), part("other")], 1.7);
  let looked = /** @type {number | null} */ (null), // the token of the chosen branch that is looked at
    apart = -1; // the first one that is not in the other

  /** As large as there is room, and in each box that scrolls the token that matters in its middle. */
  function fit() {
    letters.reset();
    centre(part("text"), first.chip(looked ?? apart));
    centre(part("other"), second.chip(apart));
  }

  function centre(box, chip) {
    if (!chip || box.scrollHeight <= box.clientHeight) return;
    const { top, height } = box.getBoundingClientRect();
    box.scrollTop += chip.getBoundingClientRect().top - top - height / 2;
  }

  function show(text, start, tokens, vocabulary) {
    text.reset(start, vocabulary);
    tokens.forEach(text.add);
    text.strike();
    text.follow();
  }

  /** Where two branches part, in a sentence. */
  function parting({ active, compared }, tokens, theirs, vocabulary) {
    const mean = (row) => `${format.number(meanLog(row.slice(Math.max(0, apart))))} nats a token`;
    const says = (branch, row) =>
      `${branch.name} takes ${vocabulary.label(row[apart].id)} (${format.probability(row[apart].raw)} in the model) and goes on with ${mean(row)}`;
    return apart < 0
      ? "One is the beginning of the other."
      : `They part at token ${format.whole(apart + 1)}: ${says(active, tokens)}; ${says(compared, theirs)}.`;
  }

  return {
    /** Draw what `shown` ({ tree, active, at, compared }) chooses; `start` is the prompt. */
    draw(shown, start, vocabulary) {
      const { tree, active, at, compared } = shown,
        tokens = tree.path(active);
      part("title").textContent = compared ? `${active.name}, and ${compared.name} beneath` : active.name;
      show(first, start, tokens, vocabulary);
      part("other").hidden = part("parting").hidden = !compared;
      looked = at;
      apart = -1;
      if (compared) {
        const theirs = tree.path(compared);
        apart = tokens.findIndex((token, i) => i < theirs.length && token.id !== theirs[i].id);
        show(second, start, theirs, vocabulary);
        if (apart >= 0) for (const text of [first, second]) text.chip(apart)?.classList.add("gb-apart");
        part("parting").textContent = parting(shown, tokens, theirs, vocabulary);
      }
      if (at !== null) first.look(at);
      fit();
    },
    resize: fit,
    theme() {
      first.theme();
      second.theme();
    },
  };
};
