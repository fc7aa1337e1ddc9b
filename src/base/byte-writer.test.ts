import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ByteReader, DecodeError } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

test("A number is read as it was written, in few bytes if it is small", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.double(), (whole, any) => {
      const writer = new ByteWriter(1);
      writer.f64(any);
      writer.varint(whole);
      const reader = new ByteReader(writer.written());
      assert.ok(Object.is(reader.f64(), any), "the same number");
      assert.equal(reader.varint(), whole);
      assert.equal(reader.remaining, 0);
    }),
  );
  const writer = new ByteWriter();
  for (const [value, bytes] of [
    [0, 1],
    [127, 1],
    [128, 2],
    [2 ** 32, 5],
    [Number.MAX_SAFE_INTEGER, 8],
  ] as const) {
    writer.clear();
    writer.varint(value);
    assert.equal(writer.length, bytes, `${value}`);
  }
});

test("A number that does not end, or goes beyond 53 bits, does not decode", () => {
  for (const bytes of [
    [0x80],
    Array.from({ length: 8 }, () => 0xff),
    [...Array.from({ length: 9 }, () => 0xff), 0],
  ]) {
    assert.throws(() => new ByteReader(Uint8Array.from(bytes)).varint(), DecodeError);
  }
});
