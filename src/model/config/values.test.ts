/** The small forms of smtpd.conf(5): times, sizes, defaults. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { SETTINGS } from "./defaults.ts";
import { formatDelay, parseDelay } from "./delay.ts";
import { nearestWord } from "./did-you-mean.ts";
import { formatSize, parseSize } from "./size.ts";

test("time is a whole number and one unit", () => {
  assert.deepEqual(
    ["1s", "90s", "2m", "3h", "4d"].map(parseDelay),
    [1000, 90_000, 120_000, 10_800_000, 345_600_000],
  );
  for (const text of ["", "4", "d", "0s", "-1d", "1.5h", "1d12h", "4D", "1 d", "9007199254740993d"])
    assert.equal(parseDelay(text), undefined, text);
});

test("time reads back as it was printed", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000_000 }), (seconds) => {
      assert.equal(parseDelay(formatDelay(seconds * 1000)), seconds * 1000);
    }),
  );
});

test("size is a number with a unit of 1024", () => {
  assert.deepEqual(
    ["0", "7", "7B", "1K", "1.5k", "35M", "2G"].map(parseSize),
    [0, 7, 7, 1024, 1536, 36_700_160, 2_147_483_648],
  );
  for (const text of ["", "K", "-1", "1X", "1 K", ".5M", "1.M", "9E"])
    assert.equal(parseSize(text), undefined, text);
});

test("size reads back as it was printed", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (bytes) => {
      assert.equal(parseSize(formatSize(bytes)), bytes);
    }),
  );
});

test("defaults lie within their bounds", () => {
  for (const setting of Object.values(SETTINGS)) {
    const { min, max } = setting;
    assert.ok(setting.default >= min && setting.default <= max, setting.directive);
  }
});

test("nearest word is one slip away, two if it is long, and none otherwise", () => {
  const words = ["tag", "port", "hostname"];
  const near = ["tga", "prt", "hostnmae", "hostnaem", "xyz", "tables", ""];
  assert.deepEqual(
    near.map((word) => nearestWord(word, words)),
    ["tag", "port", "hostname", "hostname", "", "", ""],
  );
});
