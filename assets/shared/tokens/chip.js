// Tokens as chips. A chip shows its token's text with blanks made visible, and as hex the controls and the bytes
// that are no character of their own. Its tint comes from its id, so it stays put while the text changes.
import { el } from "../elements.js";
import { visible } from "./visible.js";

const UNSEEN = /([ \n\t]+|[\u0000-\u0008\u000b-\u001f]+)/; // blanks, or controls
const TINTS = 7;

const hexOf = (controls) => Array.from(controls, (one) => one.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");

/** Without marks: blanks as themselves, but a line break inside a chip takes no room. */
const plain = (blank) => blank.replace(/\n/g, "\u200b").replace(/ /g, "\u00a0").replace(/\t/g, "\u00a0\u00a0");

/** Few fonts have the signs of controls, so they show as their bytes; without marks, a carriage return as nothing. */
function control(controls, marks) {
  const shown = marks ? controls : controls.replace(/\r/g, "");
  return shown ? el("span", { class: "gb-tk-hex" }, hexOf(shown)) : "\u200b";
}

/** @typedef {{ text?: string, hex?: string }} Part of a token: text, or bytes that are no character of their own */

/**
 * Append a token's parts to a node.
 * @template {HTMLElement} N
 * @param {N} node
 * @param {Part[]} parts
 * @param {boolean} marks whether blanks are made visible
 * @returns {N}
 */
function write(node, parts, marks = true) {
  for (const part of parts) {
    if (part.hex !== undefined) {
      node.append(el("span", { class: "gb-tk-hex" }, part.hex));
      continue;
    }
    part.text.split(UNSEEN).forEach((piece, i) => {
      if (!piece) return;
      if (i % 2 === 0) node.append(piece);
      else if (!/[ \n\t]/.test(piece)) node.append(control(piece, marks));
      else node.append(marks ? el("span", { class: "gb-tk-blank" }, visible(piece)) : plain(piece));
    });
  }
  return node;
}

/**
 * A token in one line of plain text, for tooltips and labels.
 * @param {Part[]} parts
 */
const spoken = (parts) => parts.map((part) => part.hex ?? visible(part.text)).join(" ");

/**
 * @param {number} id
 * @param {Part[]} parts
 * @param {{ marks?: boolean, more?: string }} options more: further classes
 */
function chip(id, parts, { marks = true, more = "" } = {}) {
  return write(el("span", { class: `gb-token gb-tk-chip gb-tk-${id % TINTS} ${more}` }), parts, marks);
}

const endsLine = (parts) => parts[parts.length - 1]?.text?.endsWith("\n") ?? false;

/**
 * One unit of running text, as read_text sends it: a token, or several that share a character and stand
 * in a frame with it. `apart` are those after which a piece of the first cut ends.
 * Returns { node, chips, ends }: what to put on the page, a chip for each token, and whether a line ends there.
 * @param {[ids: number[], apart: boolean[], text: string | null, note: string | null]} raw
 * @param {Record<number, { parts: Part[] }>} table
 * @param {{ marks: boolean }} options
 */
function unit([ids, apart, text, note], table, { marks }) {
  const chips = ids.map((id, i) => {
    const node = chip(id, table[id].parts, { marks });
    if (apart[i]) node.classList.add("gb-tk-apart");
    node.dataset.token = String(id);
    node.tabIndex = -1;
    return node;
  });
  if (note === "special") chips[0].classList.add("gb-tk-special");
  else if (note !== null) chips[0].classList.add("gb-tk-unknown");
  const ends = endsLine(table[ids[ids.length - 1]].parts);
  if (text === null) return { node: chips[0], chips, ends };
  const whole = write(el("span", { class: "gb-tk-whole", title: "One character, several tokens" }), [{ text }], marks);
  return { node: el("span", { class: "gb-tk-cluster" }, whole, ...chips), chips, ends };
}

export { chip, spoken, unit, write };
