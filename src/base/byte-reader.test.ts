import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ByteReader, DecodeError } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

const TEXT = "d\u00e9j\u00e0 vu";
const OCTETS = Uint8Array.of(1, 2, 3, 4, 5);

function everything(): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(200);
  writer.u16(60_000);
  writer.u32(4_000_000_000);
  writer.u53(Number.MAX_SAFE_INTEGER);
  writer.f64(-Math.E);
  writer.varint(1e12);
  writer.raw(OCTETS);
  writer.raw(OCTETS);
  writer.raw(Buffer.from(TEXT));
  writer.f64(Math.PI);
  return writer.written();
}

function readEverything(reader: ByteReader): readonly unknown[] {
  return [
    reader.u8(),
    reader.u16(),
    reader.u32(),
    reader.u53(),
    reader.f64(),
    reader.varint(),
    Buffer.from(reader.raw(OCTETS.length)).toString("hex"),
    Buffer.concat(reader.pieces(OCTETS.length)).toString("hex"),
    reader.utf8(Buffer.byteLength(TEXT)),
    reader.f64(),
    reader.remaining,
  ];
}

test("what was written is read alike from one chunk and from many, wherever they are cut", () => {
  const bytes = everything();
  const whole = readEverything(new ByteReader(bytes));
  const cut = fc.nat(bytes.length);
  fc.assert(
    fc.property(fc.array(cut, { maxLength: 12 }), (cuts) => {
      const ends = [0, ...cuts, bytes.length].toSorted((one, other) => one - other);
      const chunks = ends.slice(1).map((end, at) => bytes.subarray(ends[at], end));
      const [first = new Uint8Array(), ...later] = chunks;
      assert.deepEqual(readEverything(new ByteReader(first, later)), whole);
    }),
  );
});

test("what goes on behind the last chunk does not decode", () => {
  assert.throws(() => threeBytes().u32(), DecodeError);
  assert.throws(() => threeBytes().f64(), DecodeError);
  assert.throws(() => threeBytes().raw(4), DecodeError);
  assert.throws(() => threeBytes().pieces(4), DecodeError);
});

function threeBytes(): ByteReader {
  return new ByteReader(Uint8Array.of(1, 2), [Uint8Array.of(3)]);
}
