import assert from "node:assert/strict";
import { test } from "node:test";
import { colourTable, MAPS, oklab } from "../../assets/shared/colour_maps.js";

const GROUNDS = ["light", "dark"];
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const hex = (color) => `#${color.map((part) => part.toString(16).padStart(2, "0")).join("")}`;

test("every map has 256 colours and begins and ends at its outer stops", () => {
  for (const [name, map] of Object.entries(MAPS))
    for (const ground of GROUNDS) {
      const table = colourTable(name, ground);
      assert.equal(table.length, 256);
      assert.deepEqual([table[0], table[255]], [rgb(map[ground][0]), rgb(map[ground].at(-1))], `${name} ${ground}`);
      assert.ok(table.flat().every((part) => Number.isInteger(part) && part >= 0 && part <= 255));
    }
});

test("lightness runs one way, in even steps along the map of weights", () => {
  for (const name of ["sequential", "surprise"])
    for (const ground of GROUNDS) {
      const lightness = colourTable(name, ground).map((color) => oklab(hex(color))[0]),
        way = ground === "light" ? -1 : 1;
      for (let i = 16; i < 256; i += 1)
        assert.ok(way * (lightness[i] - lightness[i - 16]) > 0, `${name} ${ground} ${i}`);
      if (name !== "sequential") continue;
      const even = (lightness[255] - lightness[0]) / 5;
      for (let i = 0; i < 5; i += 1) {
        const step = (lightness[51 * (i + 1)] - lightness[51 * i]) / even;
        assert.ok(step > 0.8 && step < 1.25, `${ground} step ${i} is ${step} of an even one`);
      }
    }
});

test("the middle of the diverging map is neutral, and its two halves are as light as each other", () => {
  for (const ground of GROUNDS) {
    const table = colourTable("diverging", ground),
      [, a, b] = oklab(hex(table[128]));
    assert.ok(Math.hypot(a, b) < 0.02);
    for (const away of [40, 80, 120]) {
      const [below, above] = [table[127 - away], table[128 + away]].map((color) => oklab(hex(color))[0]);
      assert.ok(Math.abs(below - above) < 0.07, `${ground} ${away}`);
    }
  }
});
