// What was written: the prompt, then a chip for each token, coloured by how much it surprised the
// model. A character that tokens cut in two shows its bytes until its last one comes.
import { canvas2d } from "../shared/canvas.js";
import { cssRgb, palette } from "../shared/colour.js";
import { el } from "../shared/elements.js";
import { format } from "../shared/format.js";
import { withSigns } from "../shared/tokens/visible.js";
import { tip } from "../shared/tooltip.js";
import { exactly, explainOn } from "./explaining.js";
import { bitsOf } from "./token_stream.js";

/** @import { MapName } from "../shared/colour.js" */
/** @import { Drawn } from "./token_stream.js" */

const MOST_BITS = 10; // the right end of the colours

/**
 * Colour a chip, and its letters so that they can be read on it.
 * @param {HTMLElement} chip
 * @param {MapName} map
 * @param {number} place on the map, from 0 to 1
 */
export const tintChip = (chip, map, place) => {
  const rgb = palette(map)[Math.round(255 * Math.min(1, Math.max(0, place)))];
  const light = (0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]) / 255;
  chip.style.backgroundColor = cssRgb(rgb);
  chip.style.color = light > 0.45 ? "#16191f" : "#e8ebf0";
};
// What a chip's colour says: the map, and where on it a token lies, from 0 to 1.
/** @type {Record<string, [MapName, (token: Drawn) => number]>} */
const COLOURS = {
  surprise: ["surprise", (token) => bitsOf(token) / MOST_BITS],
  probability: ["sequential", (token) => token.p],
};

/**
 * The colours of a map, left to right, on a small canvas: a legend.
 * @param {HTMLCanvasElement} canvas
 * @param {MapName} map
 */
export const paintRamp = (canvas, map = "surprise") => {
  const context = canvas2d(canvas, 96, 10);
  palette(map).forEach((rgb, i) => {
    context.fillStyle = cssRgb(rgb);
    context.fillRect((i * 96) / 256, 0, 1, 10);
  });
};

/**
 * A written token in one line: its number, how it came, what the model held of it.
 * @param {Drawn & { forced?: boolean }} token
 * @param {number} at
 * @param {import("../shared/tokens/vocabulary.js").Vocabulary} vocabulary
 */
export const tokenSays = (token, at, vocabulary) =>
  `Token ${format.whole(at + 1)}: ${vocabulary.label(token.id)} ` +
  `${token.forced ? "chosen, not drawn" : `drawn with ${exactly(token.p)}`}; in the model ` +
  `${exactly(token.raw)}, rank ${format.whole(token.rank)}, ${format.number(bitsOf(token))} bits of surprise`;

/**
 * The text in `box`, the legend of its colours on the canvas `ramp`, if any.
 * onPick(i), if given, runs when a person picks token i.
 * @param {HTMLElement} box
 * @param {HTMLCanvasElement | null} ramp
 * @param {((i: number) => void) | null} onPick
 * @param {(words: string) => void} point hears what is pointed at, or ""
 */
export const tokenChips = (box, ramp = null, onPick = null, point = () => {}) => {
  box.dir = "auto"; // from right to left where the text reads so
  let vocabulary = null,
    tokens = []; // those that are shown: { id, p, raw, rank, forced, begins }
  let reader = null,
    unfinished = []; // joins cut characters; the chips that show their first bytes
  let pointed = -1,
    [map, placeOf] = COLOURS.surprise;
  const paint = (chip, token) => tintChip(chip, map, placeOf(token));
  const repaint = () =>
    /** @type {NodeListOf<HTMLElement>} */ (box.querySelectorAll(".gb-written-token")).forEach((chip) => {
      paint(chip, tokens[Number(chip.dataset.at)]);
    });

  /** Start over with a prompt; tokens are then added one by one. */
  function reset(prompt, words) {
    vocabulary = words;
    tokens = [];
    reader = new TextDecoder("utf-8", { ignoreBOM: true });
    unfinished = [];
    box.replaceChildren(el("span", { class: "gb-written-prompt" }, prompt));
  }

  function add(token) {
    const bytes = vocabulary.bytes(token.id);
    const chip = el("span", { class: "gb-written-token", data: { at: tokens.length } });
    const special = token.id === vocabulary.eot;
    const words = special ? vocabulary.label(token.id) : reader.decode(bytes, { stream: true });
    if (words || !bytes.length) {
      // The character is whole: what showed its first bytes shrinks to a sliver.
      unfinished.splice(0).forEach((part) => {
        part.textContent = "";
        part.classList.add("gb-part");
      });
      chip.textContent = withSigns(words).replace(/\n/g, "⏎\n");
    } else {
      chip.textContent = vocabulary.label(token.id);
      unfinished.push(chip);
    }
    chip.classList.toggle("gb-forced", Boolean(token.forced));
    chip.classList.toggle("gb-begins", Boolean(token.begins) && tokens.length > 0);
    paint(chip, token);
    box.append(chip);
    tokens.push(token);
  }

  function describe(chip) {
    const at = Number(chip.dataset.at),
      token = tokens[at];
    const rank = `rank ${format.whole(token.rank)} of ${format.whole(vocabulary.size)}`;
    const rows = [
      el("span", { class: "gb-mono" }, `${vocabulary.label(token.id)}  id ${token.id}`),
      `the model's own: ${format.probability(token.raw)}, ${rank}, ${format.number(bitsOf(token))} bits of surprise`,
      token.forced
        ? `you chose it; after filtering it had ${format.probability(token.p)}`
        : `drawn with ${format.probability(token.p)}, after filtering`,
    ];
    if (token.begins && at > 0) rows.push("here the drawing began anew with the seed");
    if (onPick)
      rows.push(`${matchMedia("(hover: none)").matches ? "Tap again" : "Click"} to see what else could have come.`);
    return rows;
  }

  const beside = explainOn(box, ".gb-written-token", describe, (chip) => {
    const token = chip && tokens[Number(chip.dataset.at)];
    point(token ? tokenSays(token, Number(chip.dataset.at), vocabulary) : "");
  });
  let tapped = -1; // a first tap explains, a second one on the same token picks
  box.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target),
      chip = /** @type {HTMLElement} */ (target.closest(".gb-written-token"));
    if (!chip) return;
    const at = Number(chip.dataset.at);
    if (event.pointerType === "touch" && tapped !== at) {
      tapped = at;
      beside(chip);
      return;
    }
    tip.hide();
    onPick?.(at);
  });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key],
      last = tokens.length - 1;
    if (event.key === "Enter" && pointed >= 0 && pointed <= last) onPick?.(pointed);
    if (!step || last < 0) return;
    event.preventDefault();
    const outside = pointed < 0 || pointed > last;
    pointed = outside ? (step > 0 ? 0 : last) : Math.min(last, Math.max(0, pointed + step));
    const chip = box.querySelector(`[data-at="${pointed}"]`);
    chip.scrollIntoView({ block: "nearest" });
    beside(chip);
  });

  const drawRamp = () => {
    if (ramp) paintRamp(ramp, map);
  };
  drawRamp();
  return {
    reset,
    add,
    chip: (i) => box.querySelector(`[data-at="${i}"]`),
    /** Mark the token that is looked at, or none, and bring it into sight. */
    look(i) {
      box.querySelector(".gb-looked")?.classList.remove("gb-looked");
      const chip = box.querySelector(`[data-at="${i}"]`);
      chip?.classList.add("gb-looked");
      chip?.scrollIntoView({ block: "nearest" });
    },
    /** Strike out the stop text that ended it. */
    strike() {
      let left = tokens.at(-1)?.stopped?.characters ?? 0;
      for (let i = tokens.length - 1; i >= 0 && left > 0; i -= 1) {
        const chip = box.querySelector(`[data-at="${i}"]`);
        chip.classList.add("gb-stopped");
        left -= vocabulary.text([tokens[i].id]).length;
      }
    },
    count: () => tokens.length,
    follow() {
      box.scrollTop = box.scrollHeight;
    },
    /** Colour by "surprise", or by the "probability" that tokens were drawn with. */
    colour(by) {
      [map, placeOf] = COLOURS[by];
      drawRamp();
      repaint();
    },
    theme() {
      drawRamp();
      repaint();
    },
  };
};
