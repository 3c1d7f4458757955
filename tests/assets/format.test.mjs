import assert from "node:assert/strict";
import { test } from "node:test";
import { format } from "../../assets/shared/format.js";

const says = (write, cases) => {
  for (const [value, text] of cases) assert.equal(write(value), text, String(value));
};

test("numbers have three digits, a true minus and thin spaces, whichever side of a border they round to", () => {
  says(format.number, [
    [0, "0"],
    [-0, "0"],
    [1, "1"],
    [-1.5, "−1.5"],
    [2.71543, "2.72"],
    [0.0123456, "0.0123"],
    [0.001, "0.001"],
    [0.0009996, "0.001"],
    [0.0009994, "9.99e−4"],
    [-0.0009996, "−0.001"],
    [-1.2345e-7, "−1.23e−7"],
    [5e-324, "4.94e−324"],
    [99.96, "100"],
    [999.4, "999"],
    [999.5, "1\u202f000"],
    [-999.5, "−1\u202f000"],
    [1000, "1\u202f000"],
    [-1234567.8, "−1\u202f234\u202f568"],
    [Infinity, "∞"],
    [-Infinity, "−∞"],
    [NaN, "–"],
    [null, "–"],
    [undefined, "–"],
  ]);
});

test("probabilities are percent, and scientific where they are tiny", () => {
  says(format.probability, [
    [0, "0"],
    [1, "100 %"],
    [0.99999, "100 %"],
    [0.123456, "12.3 %"],
    [0.09996, "10.0 %"],
    [0.01, "1.00 %"],
    [0.0099996, "1.00 %"],
    [0.00123, "0.12 %"],
    [0.001, "0.10 %"],
    [0.00099996, "0.10 %"],
    [0.00094, "9.4e−4"],
    [1.26e-9, "1.3e−9"],
    [NaN, "–"],
  ]);
});

test("whole numbers have thin spaces, the largest seed too", () => {
  says(format.whole, [
    [0, "0"],
    [50257, "50\u202f257"],
    [Number.MAX_SAFE_INTEGER, "9\u202f007\u202f199\u202f254\u202f740\u202f991"],
  ]);
});

test("times never show sixty seconds or sixty minutes", () => {
  says(format.seconds, [
    [0, "0.0 s"],
    [9.94, "9.9 s"],
    [9.96, "10 s"],
    [59.4, "59 s"],
    [59.6, "1 min 00 s"],
    [61, "1 min 01 s"],
    [3599.4, "59 min 59 s"],
    [3599.6, "1 h 0 min"],
    [7384, "2 h 3 min"],
    [NaN, "–"],
    [Infinity, "–"],
    [null, "–"],
    [undefined, "–"],
  ]);
});

test("sizes are in the unit that leaves three digits", () => {
  says(format.bytes, [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [999_499, "999 kB"],
    [999_500, "1.00 MB"],
    [124_000_000, "124 MB"],
    [999_600_000, "1.00 GB"],
    [6_200_000_000, "6.20 GB"],
    [2e12, "2.00 TB"],
  ]);
});

test("a moment is read with microseconds and with every spelling of its offset", () => {
  const shown = format.date("2026-03-01T12:34:56Z");
  assert.match(shown, /\d/);
  for (const spelt of [
    "2026-03-01T12:34:56.123456Z",
    "2026-03-01T12:34:56+00:00",
    "2026-03-01T12:34:56+0000",
    "2026-03-01T12:34:56.123456+00:00",
    "2026-03-01T12:34:56.123456+0000",
    "2026-03-01T14:34:56.999999+0200",
    "2026-03-01T04:04:56.5-08:30",
  ])
    assert.equal(format.date(spelt), shown, spelt);
  assert.equal(format.date("yesterday"), "–");
  assert.equal(format.date(""), "–");
});
