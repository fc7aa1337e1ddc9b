import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { nextLineEnd } from "./line-end-search.ts";

function oracle(bytes: Uint8Array, from: number): number {
  const at = bytes.findIndex((octet, index) => index >= from && (octet === 13 || octet === 10));
  return at < 0 ? bytes.length : at;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

test("the next CR or LF is found, whatever stands before it and wherever the search begins", () => {
  const octets = fc.oneof(fc.constantFrom(0, 9, 10, 13, 15, 16, 17, 127, 128, 255), fc.nat(255));
  fc.assert(
    fc.property(fc.array(octets, { maxLength: 40 }), fc.nat(40), (values, start) => {
      // A view into a larger array, so that words lie across its own borders.
      const bytes = Uint8Array.from([10, ...values, 10]).subarray(1, 1 + values.length);
      const from = Math.min(start, bytes.length);
      assert.equal(nextLineEnd(viewOf(bytes), from), oracle(bytes, from));
    }),
  );
});

test("each octet alone, at each place of a word, is taken for what it is", () => {
  for (let octet = 0; octet < 256; octet++) {
    for (let place = 0; place < 8; place++) {
      const bytes = new Uint8Array(12).fill(0x58);
      bytes[place] = octet;
      assert.equal(nextLineEnd(viewOf(bytes), 0), oracle(bytes, 0), `${octet} at ${place}`);
    }
  }
});
