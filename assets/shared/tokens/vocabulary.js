// The names of all tokens of a vocabulary, asked for once a tokenizer.
import { bytesOf } from "../numbers.js";
import { visible } from "./visible.js";

/** @import { Ask } from "../server.js" */
/** @typedef {ReturnType<typeof vocabularyOf>} Vocabulary */

/**
 * Each token's bytes, its visible name, and the text of a row of ids.
 * @param {{ tokenizer: string, eot_id: number | null, lengths: string, bytes: string }} answer of read_vocabulary;
 *   lengths and bytes are base64, of uint32 numbers and of all tokens' bytes in a row
 */
export const vocabularyOf = ({ tokenizer, eot_id, lengths, bytes }) => {
  const all = bytesOf(bytes),
    sizes = new Uint32Array(bytesOf(lengths).buffer);
  const starts = new Uint32Array(sizes.length + 1);
  sizes.forEach((size, i) => {
    starts[i + 1] = starts[i] + size;
  });
  const of = (id) => all.subarray(starts[id], starts[id + 1]);
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, "0");
  return {
    hash: tokenizer,
    size: sizes.length,
    eot: eot_id,
    bytes: of,
    /** @param {number} id */
    label(id) {
      try {
        return visible(strict.decode(of(id)));
      } catch {
        return `‹${Array.from(of(id), hex).join(" ")}›`; // a piece of a character shows its bytes
      }
    },
    /** @param {number[]} ids */
    text(ids) {
      const reader = new TextDecoder("utf-8", { ignoreBOM: true });
      const parts = ids.filter((id) => id !== eot_id).map((id) => reader.decode(of(id), { stream: true }));
      return parts.join("") + reader.decode();
    },
  };
};

const known = new Map(); // tokenizer's hash -> its vocabulary
/**
 * A vocabulary, asked for the first time alone.
 * @param {Ask} ask
 * @param {object} place the model and its moment
 * @param {string} hash of the tokenizer
 * @returns {Promise<Vocabulary>}
 */
export const readVocabulary = async (ask, place, hash) => {
  if (!known.has(hash)) known.set(hash, vocabularyOf(await ask("read_vocabulary", place)));
  return known.get(hash);
};
