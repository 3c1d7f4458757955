// The names of all tokens of a vocabulary, asked for once a tokenizer.
import { bytesOf } from "../numbers.js";
import { visible } from "./visible.js";

/** What read_vocabulary sent: each token's bytes, its visible name, and the text of a row of ids. */
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
    label(id) {
      try {
        return visible(strict.decode(of(id)));
      } catch {
        return `‹${Array.from(of(id), hex).join(" ")}›`; // a piece of a character shows its bytes
      }
    },
    text(ids) {
      const reader = new TextDecoder("utf-8", { ignoreBOM: true });
      const parts = ids.filter((id) => id !== eot_id).map((id) => reader.decode(of(id), { stream: true }));
      return parts.join("") + reader.decode();
    },
  };
};

const known = new Map(); // tokenizer's hash -> its vocabulary
/** The vocabulary of that hash; `ask` and `place` say where to get it. */
export const readVocabulary = async (ask, place, hash) => {
  if (!known.has(hash)) known.set(hash, vocabularyOf(await ask("read_vocabulary", place)));
  return known.get(hash);
};
