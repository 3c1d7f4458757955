// What a view of a sweep shows, as rows of buttons. The address holds it, so a link shows the same, and so does
// another view that offers the same choice.
import { address } from "../shared/address.js";

/**
 * @param {HTMLElement[]} groups each with data-choice, a name, and buttons with data-value, the usual one first
 * @param {Record<string, string>} choices by name: what holds, changed in place
 * @param {(name: string) => unknown} chosen runs when somebody has chosen
 */
export function offerChoices(groups, choices, chosen) {
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
