// Positions and embeddings: three pictures of the model's own tables. Which one is shown, the pinned
// token and the LayerNorm are in the address.
import { address } from "../shared/address.js";
import { on } from "../shared/events.js";
import { panel } from "../shared/panel.js";
import { embeddingMap } from "./embedding_map.js";
import { normAtToken } from "./norm_at_token.js";
import { positionCodes } from "./position_codes.js";

panel("positions_and_embeddings", ({ root, ask, find, all, notice, say }) => {
  const part = (id) => find(`[data-id=${id}]`);
  const SAYS = {
    tokens: [
      "Every token is a vector; here all of them are seen from the side where they differ most.",
      "Search for a name or a number and look at its neighbours: what do they have in common?",
    ],
    positions: [
      "GPT-2 learns a vector for each position; the first transformer used waves of fixed lengths instead.",
      "Choose a model at the start of its training: at first every position is like only itself.",
    ],
    norm: [
      "LayerNorm evens a vector out, then stretches and shifts each entry as it has learned.",
      "Walk up the layers: what comes in grows and grows, what goes out far less.",
    ],
  };

  let kind = address.get("space") in SAYS ? address.get("space") : "tokens";
  let placed = false, // whether there is a model to look at
    turn = 0;
  const safely = (work) => work.catch((error) => notice(error.message));
  const pictures = {
    tokens: embeddingMap({ part, ask, safely }),
    positions: positionCodes({ part, ask, say }),
    norm: normAtToken({ part, ask, say, notice, onChoose: () => safely(load()) }),
  };

  async function refresh({ model, step, prompt }) {
    placed = true;
    for (const picture of Object.values(pictures)) picture.forget({ model, step, prompt });
    await load();
  }

  async function load() {
    const mine = (turn += 1),
      picture = pictures[kind];
    show();
    notice("");
    if (!picture.known()) await picture.read();
    if (mine === turn) picture.draw();
  }

  function show() {
    for (const button of all("[data-id=kinds] button"))
      button.setAttribute("aria-pressed", String(button.value === kind));
    for (const stage of all("[data-kind]")) stage.hidden = stage.dataset.kind !== kind;
    part("empty").hidden = true;
    [part("lead").textContent, part("try").textContent] = SAYS[kind];
  }
  part("kinds").addEventListener("click", (event) => {
    if (!event.target.value || event.target.value === kind) return;
    kind = event.target.value;
    address.set({ space: kind === "tokens" ? null : kind });
    if (placed) safely(load());
  });
  on("key", (event) => {
    if (event.key === "Escape" && kind === "tokens" && root.offsetParent !== null) pictures.tokens.release();
  });

  show();
  const draw = () => pictures[kind].draw();
  return { refresh, theme: draw, resize: draw };
});
