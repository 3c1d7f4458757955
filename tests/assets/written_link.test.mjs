import "./page.mjs";
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { branchTree } from "../../assets/generate/tree.js";
import { link } from "../../assets/generate/written_link.js";
import { changedHash, readHash } from "../../assets/shared/address.js";
import { OFF, ORDER } from "../../assets/shared/sampler.js";
import { Refusal } from "../../assets/shared/server.js";
import { look, subject } from "../../assets/shared/subject.js";

const SETTINGS = { ...OFF, order: [...ORDER], seed: 7, max_new_tokens: 100, stop: [], weights: "exact" };
mock.timers.enable({ apis: ["setTimeout"] });

/** A place to write at, with a vocabulary of that size. */
function placeOf(size, place = { model: "shipped:tales", step: null, prompt: "Once “upon” a time" }) {
  look(place);
  return { place: { ...subject }, vocabulary: { hash: "0123456789abcdef", size } };
}
/** What the address says after everything has been written, opened by somebody else. */
function opened(key, where, write) {
  write();
  mock.timers.tick(1000);
  const found = link.entry(key, where.place);
  return (
    found &&
    readHash(changedHash("", { [key]: found.join("*") }))
      .get(key)
      .split("*")
  );
}
const textOf = (where, tokens) => {
  const found = opened("w", where, () => link.keepText(where, tokens));
  return found && link.readText(found, where);
};
const token = (id, settings, more = {}) => ({ id, settings, step: null, ...more });

test("ids come back in vocabularies of every size", () => {
  for (const size of [2, 64, 65, 4096, 4097, 50_257, 200_019]) {
    const ids = [0, 1, size - 1, Math.floor(size / 2)];
    const [run, ...more] = textOf(
      placeOf(size),
      ids.map((id) => token(id, SETTINGS)),
    );
    assert.deepEqual([run.ids, run.chosen, more], [ids, false, []]);
  }
});

test("settings, seeds up to 2^53 - 1, stop texts and the order come back", () => {
  for (const changes of [
    {},
    { seed: Number.MAX_SAFE_INTEGER, temperature: 0.123456789, top_k: 40, top_p: 1e-9, min_p: 0.05 },
    { seed: 0, temperature: 0, repetition_penalty: 1.7, typical_p: 0.2 },
    { weights: "int8" },
    { order: [...ORDER].reverse(), stop: ["\n\n", "é*. ", "“end”+/="] },
  ]) {
    const settings = { ...SETTINGS, ...changes },
      [run] = textOf(placeOf(100), [token(5, settings)]);
    assert.deepEqual(run.settings, settings);
  }
});

test("what was drawn and what was chosen, by which settings and at which moment, stays apart", () => {
  const hot = { ...SETTINGS, temperature: 2 };
  const where = placeOf(100, { model: "run:x", step: 500, prompt: "p" });
  const runs = textOf(where, [
    token(1, SETTINGS, { step: 500 }),
    token(2, SETTINGS, { step: 500 }),
    token(3, SETTINGS, { step: 500, forced: true }),
    token(4, hot, { step: 500 }),
    token(5, hot, { step: null }),
    token(6, hot, { step: null, begins: true }),
  ]);
  assert.deepEqual(
    runs.map(({ ids, chosen, step, settings }) => [ids, chosen, step, settings.temperature]),
    [
      [[1, 2], false, 500, 1],
      [[3], true, 500, 1],
      [[4], false, 500, 2],
      [[5], false, null, 2],
      [[6], false, null, 2],
    ],
  );
});

test("a tree comes back with its parents, names and marks", () => {
  const where = placeOf(1000),
    tree = branchTree(),
    written = (...ids) => ids.map((id) => token(id, SETTINGS));
  const root = tree.add(null, 0, written(1, 2, 3), "text 1"),
    child = tree.add(root, 2, written(999), "über *. 😀"),
    last = tree.add(child, 3, written(4), "kept");
  last.kept = true;
  const found = opened("tree", where, () => link.keepTree(where, { tree, active: child, compared: root }));
  assert.deepEqual(
    link.readTree(found, where).map(({ runs, ...rest }) => ({ ...rest, ids: runs.flatMap((run) => run.ids) })),
    [
      { parent: -1, at: 0, kept: false, active: false, compared: true, name: "text 1", ids: [1, 2, 3] },
      { parent: 0, at: 2, kept: false, active: true, compared: false, name: "über *. 😀", ids: [999] },
      { parent: 1, at: 3, kept: true, active: false, compared: false, name: "kept", ids: [4] },
    ],
  );
});

test("a text too long for an address, or none, is left out", () => {
  const where = placeOf(100),
    long = Array.from({ length: 401 }, () => token(1, SETTINGS));
  assert.equal(textOf(where, long), null);
  assert.equal(textOf(where, []), null);
  assert.equal(textOf(where, long.slice(1))[0].ids.length, 400);
});

test("another prompt's text is not read, and it goes when the prompt changes", () => {
  const where = placeOf(100);
  textOf(where, [token(1, SETTINGS)]);
  const other = placeOf(100, { model: "shipped:tales", step: null, prompt: "Another" });
  assert.equal(link.entry("w", other.place), null);
  assert.equal(readHash(location.hash).get("w"), null);
});

test("what makes no sense is refused kindly", () => {
  const where = placeOf(100),
    good = opened("w", where, () => link.keepText(where, [token(1, SETTINGS)]));
  const [print, hash] = good;
  for (const pieces of [
    [],
    ["d__"],
    ["dAB"],
    ["se1", "d__"],
    ["se1", "dA"],
    ["se1", "dé!"],
    ["sz1"],
    ["se", "dAB"],
    ["st", "dAB"],
    ["se1 x%%", "dAB"],
    ["q"],
    ["b0.0.0"],
  ].filter((found) => found.length))
    assert.throws(() => link.readText([print, hash, ...pieces], where), Refusal, pieces.join("*"));
  for (const branch of ["b9.0.0.QQ", "b0.x.0.QQ", "b0.0.0.", "dAB", "b0.0.0._w"])
    assert.throws(() => link.readTree([print, hash, branch], where), Refusal, branch);
  assert.throws(() => link.readText([print, "ffffff", ...good.slice(2)], where), Refusal);
});

test("a link of another version opens: an order is completed, and samplers that are not here go", () => {
  const where = placeOf(100),
    [print, hash] = opened("w", where, () => link.keepText(where, [token(1, SETTINGS)]));
  const settingsOf = (piece) => link.readText([print, hash, piece, "dAB"], where)[0].settings;
  const first = settingsOf("se1 oky").order;
  assert.deepEqual([...first].sort(), [...SETTINGS.order].sort());
  assert.deepEqual(first.slice(0, 2), ["top_k", "typical_p"]);
  const { order, ...newer } = settingsOf("se7 t0.5 .tail_free-0.9 .temperature_2-x op.tail_free.t.");
  assert.deepEqual(order.slice(0, 2), ["top_p", "temperature"]);
  assert.equal(newer.temperature, 0.5);
  assert.ok(!("tail_free" in newer) && newer.seed === 7);
});
