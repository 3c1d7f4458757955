import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, floatsOf } from "../../assets/shared/numbers.js";
import { visible } from "../../assets/shared/tokens/visible.js";
import { readVocabulary, vocabularyOf } from "../../assets/shared/tokens/vocabulary.js";

const packed = (bytes) => Buffer.from(bytes).toString("base64");
const made = (tokens, eot_id = null) => {
  const parts = tokens.map((token) => Buffer.from(token));
  return vocabularyOf({
    tokenizer: "hash",
    eot_id,
    lengths: packed(new Uint8Array(Uint32Array.from(parts, (part) => part.length).buffer)),
    bytes: packed(Buffer.concat(parts)),
  });
};

test("blanks and controls are made visible, and nothing else is touched", () => {
  assert.equal(visible(" a b"), "·a·b");
  assert.equal(visible("\n\t\r\0\u001b"), "⏎⇥␍␀␛");
  assert.equal(visible("é😀<b>·"), "é😀<b>·");
});

test("arrays come out of their text byte by byte", () => {
  assert.deepEqual([...bytesOf("AAEC/w==")], [0, 1, 2, 255]);
  assert.deepEqual([...bytesOf("")], []);
  assert.deepEqual([...floatsOf(packed([0, 0, 128, 63, 0, 0, 128, 255]))], [1, -Infinity]);
});

test("a token is named by its text, and a piece of a character by its bytes", () => {
  const names = made(["a", " the", [0xc3], [0xa9], "é", [0xf0, 0x9f], "\ufeff", "", "\n"]);
  assert.deepEqual(
    Array.from({ length: names.size }, (_, id) => names.label(id)),
    ["a", "·the", "‹C3›", "‹A9›", "é", "‹F0 9F›", "\ufeff", "", "⏎"],
  );
});

test("halves of a character that follow one another are one character; a half alone is U+FFFD", () => {
  const names = made(["a", [0xc3], [0xa9], [0xf0, 0x9f], [0x98, 0x80], "<end>"], 5);
  assert.equal(names.text([0, 1, 2, 0]), "aéa");
  assert.equal(names.text([3, 4]), "😀");
  assert.equal(names.text([1]), "\ufffd");
  assert.equal(names.text([1, 0]), "\ufffda");
  assert.equal(names.text([0, 5, 0]), "aa");
  assert.equal(names.text([1, 5, 2]), "é");
  assert.equal(names.text([]), "");
});

test("a vocabulary is asked for once", async () => {
  const asked = [];
  const ask = async (name, place) => {
    asked.push([name, place]);
    return { tokenizer: "once", eot_id: null, lengths: "", bytes: "" };
  };
  assert.equal(await readVocabulary(ask, { model: "m" }, "once"), await readVocabulary(ask, { model: "n" }, "once"));
  assert.deepEqual(asked, [["read_vocabulary", { model: "m" }]]);
});
