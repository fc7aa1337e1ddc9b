import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "#base/codec.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";
import { type CarriedText, carriedTextCodec } from "./carried-text.ts";

const TEXTS: readonly CarriedText[] = [
  { kind: "inline", bytes: new Uint8Array() },
  { kind: "inline", bytes: new Uint8Array(INLINE_TEXT_BYTES).fill(65) },
  { kind: "apart" },
];

test("a text is read back as it was written, and cut short it is a fault", () => {
  for (const value of TEXTS) {
    const wire = encode(carriedTextCodec, value);
    assert.deepEqual(decode(carriedTextCodec, wire), { kind: "decoded", value });
    assert.equal(decode(carriedTextCodec, wire.subarray(0, -1)).kind, "decode-fault");
  }
});

test("a text above the bound is never inline", () => {
  const bytes = new Uint8Array(INLINE_TEXT_BYTES + 1);
  assert.throws(() => encode(carriedTextCodec, { kind: "inline", bytes }), RangeError);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  const decoded = decode(carriedTextCodec, Buffer.concat([Uint8Array.of(0), length, bytes]));
  assert.equal(decoded.kind, "decode-fault");
});
