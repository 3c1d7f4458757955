import "./page.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { changedHash, readHash } from "../../assets/shared/address.js";

test("whatever is put into an address comes out of it again", () => {
  const state = { prompt: "a b+c&d=e#f%\n“é” 😀", model: "shipped:tales", step: 0, off: "0.3_2.mlp" };
  const found = readHash(changedHash("", state));
  for (const [key, value] of Object.entries(state)) assert.equal(found.get(key), String(value));
});

test("keys that are not named stay, and nothing takes a key away but from the prompt, which may be empty", () => {
  const hash = changedHash("#tab=train&seed=7&k=40&prompt=hi", { seed: null, k: undefined, tab: "", prompt: "" });
  assert.equal(hash, "#prompt=");
  assert.equal(changedHash("#a=1&b=2", { a: 3 }), "#a=3&b=2");
});

test("zero and false are values", () => {
  assert.equal(changedHash("", { t: 0, on: false }), "#t=0&on=false");
});

test("an address that says nothing, or nonsense, is read as it stands", () => {
  assert.deepEqual([...readHash("")], []);
  assert.deepEqual([...readHash("#")], []);
  assert.equal(readHash("#%E0%A4%A").get("prompt"), null);
  assert.equal(readHash("#prompt=%ZZ&x").get("prompt"), "%ZZ");
  assert.equal(readHash("#x=1&x=2").get("x"), "1");
});
