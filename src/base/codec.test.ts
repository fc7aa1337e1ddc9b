import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  bool,
  bytes,
  type Codec,
  decode,
  encode,
  hex,
  list,
  oneOf,
  optional,
  struct,
  text,
  u16,
  u32,
  u53,
  u8,
  union,
} from "./codec.ts";

type Shape =
  | { readonly kind: "dot"; readonly at: number }
  | { readonly kind: "path"; readonly id: string; readonly points: readonly number[] };

const shapeCodec: Codec<Shape> = union<Shape>({
  dot: [1, { at: u53 }],
  path: [2, { id: hex(16), points: list(u32, 4) }],
});

interface Everything {
  readonly small: number;
  readonly middle: number;
  readonly large: number;
  readonly flag: boolean;
  readonly word: "red" | "green";
  readonly name: string | undefined;
  readonly raw: Uint8Array;
  readonly shape: Shape;
}

const everythingCodec: Codec<Everything> = struct<Everything>({
  small: u8,
  middle: u16,
  large: u53,
  flag: bool,
  word: oneOf(["red", "green"]),
  name: optional(text(100)),
  raw: bytes(64),
  shape: shapeCodec,
});

const anyEverything: fc.Arbitrary<Everything> = fc.record(
  {
    small: fc.integer({ min: 0, max: 0xff }),
    middle: fc.integer({ min: 0, max: 0xffff }),
    large: fc.maxSafeNat(),
    flag: fc.boolean(),
    word: fc.constantFrom("red", "green"),
    name: fc.option(fc.string({ unit: "grapheme", maxLength: 8 }), { nil: undefined }),
    raw: fc.uint8Array({ maxLength: 64 }),
    shape: fc.oneof(
      fc.record(
        { kind: fc.constant("dot" as const), at: fc.maxSafeNat() },
        { noNullPrototype: true },
      ),
      fc.record(
        {
          kind: fc.constant("path" as const),
          id: fc
            .bigInt({ min: 0n, max: 2n ** 64n - 1n })
            .map((n) => n.toString(16).padStart(16, "0")),
          points: fc.array(fc.nat(), { maxLength: 4 }),
        },
        { noNullPrototype: true },
      ),
    ),
  },
  { noNullPrototype: true },
);

test("codecs read back what they wrote", () => {
  fc.assert(
    fc.property(anyEverything, (value) => {
      const decoded = decode(everythingCodec, encode(everythingCodec, value));
      assert.deepEqual(decoded, { kind: "decoded", value });
    }),
  );
});

test("codecs turn every truncated value into a fault", () => {
  fc.assert(
    fc.property(anyEverything, fc.nat(), (value, cut) => {
      const whole = encode(everythingCodec, value);
      const decoded = decode(everythingCodec, whole.subarray(0, cut % whole.length));
      assert.equal(decoded.kind, "decode-fault");
    }),
  );
});

test("codecs never throw on bytes that strangers made", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
      assert.ok(["decoded", "decode-fault"].includes(decode(everythingCodec, input).kind));
    }),
  );
});

const FAULTS: readonly { readonly name: string; readonly of: () => { readonly kind: string } }[] = [
  { name: "text above its bound", of: () => decode(text(2), encode(text(9), "abc")) },
  { name: "text that is not UTF-8", of: () => decode(text(9), Uint8Array.of(0, 0, 0, 1, 0xff)) },
  { name: "a list above its bound", of: () => decode(list(u8, 1), encode(list(u8, 2), [1, 2])) },
  { name: "an unknown kind", of: () => decode(shapeCodec, Uint8Array.of(9)) },
  { name: "an unknown word", of: () => decode(oneOf(["a"]), Uint8Array.of(1)) },
  { name: "bytes after the end", of: () => decode(u8, Uint8Array.of(1, 2)) },
  { name: "a number beyond 53 bits", of: () => decode(u53, new Uint8Array(8).fill(0xff)) },
  { name: "a boolean of 2", of: () => decode(bool, Uint8Array.of(2)) },
];

for (const c of FAULTS) {
  test(`decode answers ${c.name} with a fault`, () => {
    assert.equal(c.of().kind, "decode-fault");
  });
}

test("encode throws for a value above its bound: that is a bug of ours", () => {
  assert.throws(() => encode(text(2), "abc"), RangeError);
  assert.throws(() => encode(bytes(1), new Uint8Array(2)), RangeError);
  assert.throws(() => encode(list(u8, 1), [1, 2]), RangeError);
  assert.throws(() => encode(hex(8), "abc"), RangeError);
});
