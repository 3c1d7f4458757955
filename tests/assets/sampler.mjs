// node sampler.mjs cases.json rows.bin odds.bin kept.bin: the page's sampler on rows of float32 logits.
// Rows travel as their bytes: exact, infinities included, and fast.
import { readFileSync, writeFileSync } from "node:fs";
import { apply, ascending, filterLogits } from "../../assets/shared/sampler.js";

const [cases, rowsFile, oddsFile, keptFile] = process.argv.slice(2);
const { length, settings, previous } = JSON.parse(readFileSync(cases, "utf8"));
const bytes = readFileSync(rowsFile);
const rows = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
const odds = new Float32Array(rows.length),
  kept = new Float32Array(rows.length);
settings.forEach((chosen, n) => {
  const row = rows.slice(n * length, (n + 1) * length);
  const order = ascending(row); // as the page has it at hand
  odds.set(apply(row, chosen, previous, order).final, n * length);
  kept.set(filterLogits(row, chosen, previous), n * length);
});
writeFileSync(oddsFile, odds);
writeFileSync(keptFile, kept);
