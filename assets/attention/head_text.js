// The prompt as text under the zoomed head: which of shade or arcs, in which direction, and whose
// attention (this head's, means, rollout). Keeps these three in the address and fetches what is joined.
import { address } from "../shared/address.js";
import { bytesOf } from "../shared/numbers.js";
import * as heat from "./heat.js";
import { promptText } from "./prompt_text.js";

/** @import { Parts } from "../shared/panel.js" */

const FLOWS = {
  // whose attention the text shows, in a sentence each
  head: (_, [layer, head]) => `Layer ${layer}, head ${head}: the weights of this head alone.`,
  layer: ({ heads }, [layer]) =>
    `The mean of the ${heads} heads of layer ${layer}, whatever each of them does with what it finds.`,
  all: ({ layers, heads }) =>
    `The mean of all ${layers * heads} heads. ` +
    "Later layers read tokens that earlier ones have mixed; a mean forgets that.",
  rollout: () =>
    "Rollout (Abnar & Zuidema, 2020): layers multiplied from last to first, " +
    "each half attention, half staying put. Values and MLPs are left out.",
};
const place = (row, column) => (row * (row + 1)) / 2 + column;

/**
 * The text, in the markup of the view.
 * @param {Pick<Parts, "find" | "ask" | "notice"> & { redraw: () => void, onHover: any, onPick: any }} parts redraw() draws the text
 *   anew; onHover and onPick are those of the zoom
 */
export const headText = ({ find, ask, notice, redraw, onHover, onPick }) => {
  const passage = promptText(find("[data-id=reading]"), { onHover, onPick });
  let arcs = address.get("drawn") === "arcs",
    by = address.get("way") === "by";
  let flow = address.get("flow") in FLOWS ? address.get("flow") : "head";
  let picture = null,
    flows = new Map(); // "all", "rollout" or "layer N" -> weights, to the byte

  /** A new picture: its tokens as text, and nothing joined yet. */
  function take(next) {
    picture = next;
    flows = new Map();
  }

  function draw() {
    for (const [group, value] of [
      ["drawn", arcs ? "arcs" : "text"],
      ["way", by ? "by" : "at"],
    ]) {
      for (const button of find(`[data-id=${group}]`).children) {
        button.setAttribute("aria-pressed", String(button.value === value));
      }
    }
    find("[data-id=flow]").value = flow;
    passage.draw(picture.tokens);
  }

  const key = (at) => (flow === "layer" ? `layer ${at[0]}` : flow);

  async function fetchFlow(at) {
    const name = key(at),
      of = picture;
    if (flow === "head" || flows.has(name)) return;
    flows.set(name, null); // on its way
    try {
      const { weights } = await ask("read_flow", { ...of.subject, flow, layer: at[0] });
      if (of !== picture) return;
      flows.set(name, heat.weights(bytesOf(weights)));
      redraw();
    } catch (error) {
      flows.delete(name);
      if (of === picture) notice(error.message);
    }
  }

  /**
   * Show the text as seen from `cell.row`, scrolled to that token if it is pinned. `fine` are the
   * head's exact numbers or null, `levels` its places on the colour map, `side` cells a row.
   */
  function show({ cell: { row, column }, pinned, at, fine, levels, side, scale, muted }) {
    fetchFlow(at);
    const T = picture.tokens.length,
      alpha = heat.SCALES[scale].at,
      own = flow === "head";
    const weights = own ? fine?.pattern : flows.get(key(at));
    const marks = { ...(!by && column !== null && { [column]: "gb-looked" }), [row]: by ? "gb-looked" : "gb-looks" };
    const coarse = (i) => Math.floor((i * side) / T); // a token's cell, where only the thumbnail is here
    const sees = (i) => (by ? i >= row : i <= row),
      pair = (i) => (by ? [i, row] : [row, i]);
    let held = weights || own ? "" : " Working it out …";
    if (arcs && weights) {
      const rest = own && muted && !by && row > 0; // the first token is muted here too
      const seen = Float32Array.from({ length: T }, (_, i) =>
        sees(i) && !(rest && i === 0) ? weights[place(...pair(i))] : 0,
      );
      const { count, share } = passage.arcs(seen, row, by, alpha, marks),
        one = count === 1;
      held =
        ` ${count} arc${one ? "" : "s"} hold${one ? "s" : ""} ${Math.round(100 * share)} % of ` +
        `${by ? "the attention it gets" : "its attention"}${rest ? " that is not on the first token" : ""}; ` +
        "darker is stronger, on the scale of the legend.";
    } else if (!arcs) {
      const level = own
        ? (i) => levels[place(...pair(i).map(coarse))]
        : (i) => Math.round(255 * alpha(weights[place(...pair(i))]));
      const shown = Int16Array.from({ length: T }, (_, i) => (sees(i) && (own || weights) ? level(i) : -1));
      passage.shade(shown, marks, own && muted ? 0 : null);
    }
    if (pinned) passage.reveal(row);
    find("[data-id=caption]").textContent = FLOWS[flow](picture, at) + held;
  }

  function choose(group, set) {
    find(`[data-id=${group}]`).addEventListener("click", (event) => {
      if (!event.target.value || !picture) return;
      set(event.target.value);
      draw();
      redraw();
    });
  }
  choose("drawn", (value) => {
    arcs = value === "arcs";
    address.set({ drawn: arcs ? "arcs" : null });
  });
  choose("way", (value) => {
    by = value === "by";
    address.set({ way: by ? "by" : null });
  });
  find("[data-id=flow]").addEventListener("change", (event) => {
    flow = event.target.value;
    address.set({ flow: flow === "head" ? null : flow });
    event.target.blur(); // arrow keys go back to the heads
    if (picture) redraw();
  });
  return { take, draw, show };
};
