// Shows one view of a tab at a time. The chosen one is in the address; the first is there by default.
import { address } from "../shared/address.js";
import { on } from "../shared/events.js";
import { panel } from "../shared/panel.js";

// What views were called in links of before December 2026.
const RENAMED = {
  circuit: "inside_a_head",
  depth: "logit_lens",
  ablation: "switch_off",
  growing: "while_generating",
  space: "positions_and_embeddings",
  writing: "write",
  duel: "side_by_side",
  batch: "many_at_once",
  surprisal: "surprise",
  reading: "read",
  merging: "step_through",
  learning: "train_a_vocabulary",
  lexicon: "vocabulary",
  languages: "compare_tokenizers",
  watching: "run",
  ledger: "runs",
  corpus: "text",
};

panel("views", ({ all }) => {
  const buttons = all("[data-view]"),
    names = buttons.map((button) => button.dataset.view);

  let shown = null;
  function show(chosen) {
    shown = chosen;
    for (const button of buttons) {
      const here = button.dataset.view === chosen;
      button.setAttribute("aria-pressed", String(here));
      document.getElementById(`gb-${button.dataset.view}`)?.toggleAttribute("data-gb-on", here);
    }
    // Gradio puts views on the page one after the other, and later ones need telling too.
    if (names.some((name) => !document.getElementById(`gb-${name}`))) requestAnimationFrame(() => show(shown));
  }
  function choose(name) {
    show(name);
    address.set({ view: name === names[0] ? null : name }, { turn: true });
  }
  for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.view));
  on("view", (name) => {
    if (names.includes(name)) choose(name);
  }); // emit("view", "heads") leads there

  const follow = () => {
    const asked = address.get("view"),
      wanted = RENAMED[asked] ?? asked;
    show(names.includes(wanted) ? wanted : names[0]);
  };
  on("address", follow);
  follow();
});
