import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { hex32, hex32At } from "./hex.ts";

test("a number of 32 bits has eight digits, and is read back", () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (value) => {
      assert.equal(hex32(value), value.toString(16).padStart(8, "0"));
      assert.equal(hex32At(`0badcafe${hex32(value)}`, 8), value);
    }),
    { examples: [[0], [0x7fff_ffff], [0x8000_0000], [0xffff_ffff]] },
  );
});
