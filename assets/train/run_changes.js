// What the form says and the run on show does not: told above the picture, or changed at once where that can be.
import { el } from "../shared/elements.js";

/** shown(): { base, changes, ended } of the run on show; base is null while there is none. undone(): the form was set back. */
export function runChanges({ form, shown, undone }) {
  /**
   * The settings of the run as they are now, changes on the fly included.
   * @returns {Record<string, any>}
   */
  const settled = () => Object.assign({}, shown().base, ...shown().changes.map((change) => change.changes));
  const sized = (from, to) => from.tokenizer === to.tokenizer && form.isSized(to.tokenizer);
  const changeable = (/** @type {[name: string, ...unknown[]]} */ [name]) => form.choices.changeable.includes(name);

  /**
   * Each setting that differs.
   * @returns {[name: string, from: any, to: any][]}
   */
  function differences() {
    if (!shown().base) return [];
    const from = settled(),
      to = form.settings();
    return Object.keys(from)
      .filter((name) => {
        if (to.origin && form.choices.kept.includes(name)) return false; // the model's own
        if (name === "matrix_learning_rate" && to.optimizer !== "muon") return false;
        // A text may be too short for the vocabulary that was asked for, so what came of it counts.
        if (name === "vocab_size")
          return sized(from, to) && form.plan !== null && form.plan.vocab_size !== from.vocab_size;
        return name in to && from[name] !== to[name];
      })
      .map((name) => [name, from[name], to[name]]);
  }
  /** Those that only another run can have. */
  const fresh = () => differences().filter((d) => !changeable(d) && !(shown().ended && d[0] === "max_steps"));

  return {
    settled,
    fresh,
    /** Those that the run can still take, as { name: value }. */
    now: () =>
      Object.fromEntries(
        differences()
          .filter(changeable)
          .map(([name, , to]) => [name, to]),
      ),
    /** Say in a line of the page what would change, and how. */
    tell(line) {
      const told = shown().ended ? differences().filter((d) => d[0] !== "max_steps") : fresh();
      line.hidden = told.length === 0;
      if (line.hidden) return;
      const how = told.every(changeable) ? "Continue or restart to change: " : "Restart to change: ";
      const said = ([name, from, to], i) => [
        i ? "; " : "",
        form.label(name).toLowerCase(),
        " ",
        el("b", {}, `${form.wordsOf(name, from)} → ${form.wordsOf(name, to)}`),
      ];
      const undo = () => {
        form.own(settled());
        undone();
      };
      line.replaceChildren(
        how,
        ...told.flatMap(said),
        ". ",
        el("button", { type: "button", class: "gb-link", onclick: undo }, "Undo"),
      );
    },
  };
}
