// What a view of a sweep shows, as rows of buttons. The address holds it, so a link shows the same, and so does
// another view that offers the same choice.
import { address } from "../shared/address.js";
import { el } from "../shared/elements.js";
import { Refusal } from "../shared/server.js";

/** The choices that several views offer: what is chosen, and each value with its button's word, the usual one first. */
const COMMON = {
  sweep: { label: "Whose sweep", words: { shipped: "the shipped sweep", mine: "mine" } },
  count: {
    label: "What counts as a parameter",
    words: { all: "all", "blocks and head": "blocks, head", blocks: "blocks" },
  },
};

/**
 * @param {HTMLElement[]} groups each with data-choice, a name, and buttons with data-value, the usual one first; those
 *   of a COMMON choice are put in here
 * @param {Record<string, string>} choices by name: what holds, changed in place
 * @param {(name: string) => unknown} chosen runs when somebody has chosen
 */
export function offerChoices(groups, choices, chosen) {
  for (const group of groups) {
    const common = COMMON[group.dataset.choice];
    if (!common) continue;
    group.role = "group";
    group.ariaLabel = common.label;
    group.replaceChildren(
      ...Object.entries(common.words).map(([value, word]) => el("button", { type: "button", data: { value } }, word)),
    );
  }
  const values = new Map(
    groups.map(({ dataset, children }) => [
      dataset.choice,
      [...children].map((button) => /** @type {HTMLElement} */ (button).dataset.value),
    ]),
  );
  /** Take over what the address says: the names of those that have changed. */
  function read() {
    const changed = [];
    for (const [name, offered] of values) {
      const said = address.get(name, offered[0]);
      if (!offered.includes(said) || said === choices[name]) continue;
      choices[name] = said;
      changed.push(name);
    }
    return changed;
  }
  function show() {
    for (const group of groups)
      for (const button of group.children) {
        const value = /** @type {HTMLElement} */ (button).dataset.value;
        button.setAttribute("aria-pressed", String(choices[group.dataset.choice] === value));
      }
  }
  for (const group of groups) {
    const name = group.dataset.choice;
    for (const button of group.children)
      button.addEventListener("click", () => {
        choices[name] = /** @type {HTMLElement} */ (button).dataset.value;
        address.set({ [name]: choices[name] === values.get(name)[0] ? null : choices[name] });
        show();
        chosen(name);
      });
  }
  read();
  return { read, show };
}

/**
 * What the server says of the chosen sweep; where there is none of one's own yet, of the finished example, which is
 * then chosen.
 * @template T
 * @param {Record<string, string>} choices
 * @param {(text: string) => void} notice
 * @param {(whose: string) => Promise<T>} ask
 */
export async function ofSweep(choices, notice, ask) {
  const whose = choices.sweep;
  try {
    return await ask(whose);
  } catch (error) {
    if (whose === "shipped" || !(error instanceof Refusal)) throw error;
    notice(error.message);
    choices.sweep = "shipped";
    address.set({ sweep: null });
    return ask("shipped");
  }
}
