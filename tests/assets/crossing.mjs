// node crossing.mjs table.json: [[reader, value], ...] as the server sent it, read with the page's own modules.
import { readFileSync } from "node:fs";
import { format } from "../../assets/shared/format.js";
import { bytesOf, floatsOf } from "../../assets/shared/numbers.js";
import { vocabularyOf } from "../../assets/shared/tokens/vocabulary.js";

/** Numbers as text, since JSON has no NaN, no infinity and no negative zero. */
const spelt = (numbers) => Array.from(numbers, (x) => (Object.is(x, -0) ? "-0" : String(x)));

const readers = {
  as_is: (value) => value,
  text: (text) => [text, Array.from(text, (c) => c.codePointAt(0))],
  number: (x) => format.number(x),
  whole: (n) => [String(n), Number.isSafeInteger(n), format.whole(n)],
  date: (text) => [Date.parse(text), format.date(text) === format.date(new Date(text).toISOString())],
  bytes: (base64) => spelt(bytesOf(base64)),
  floats: (base64) => spelt(floatsOf(base64)),
  vocabulary(answer) {
    const names = vocabularyOf(answer);
    return {
      hash: names.hash,
      eot: names.eot,
      bytes: Array.from({ length: names.size }, (_, id) => Buffer.from(names.bytes(id)).toString("hex")),
      labels: Array.from({ length: names.size }, (_, id) => names.label(id)),
    };
  },
};

const table = JSON.parse(readFileSync(process.argv[2], "utf8"));
console.log(JSON.stringify(table.map(([reader, value]) => readers[reader](value))));
