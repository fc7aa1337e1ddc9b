import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { ByteWriter } from "#base/byte-writer.ts";
import { bytes, hex, pieces, struct, text } from "#base/codec.ts";
import { encodeFrame, FrameReader, writeFrame } from "./frame.ts";

const word = text(100);

/** What a reader finds when `wire` comes in pieces of `size` bytes. */
function read(wire: Uint8Array, size: number, maxFrameBytes = 1000) {
  const reader = new FrameReader(word, maxFrameBytes);
  const values: string[] = [];
  let fault: string | undefined;
  for (let at = 0; at < wire.length; at += size) {
    fault = reader.push(wire.subarray(at, at + size), (value) => values.push(value))?.reason;
  }
  return { values, fault };
}

const wire = Buffer.concat(["", "a", "two words", "x".repeat(90)].map((w) => encodeFrame(word, w)));

test("frames are found wherever the bytes are split", () => {
  for (let size = 1; size <= wire.length; size++) {
    assert.deepEqual(
      read(wire, size),
      { values: ["", "a", "two words", "x".repeat(90)], fault: undefined },
      `pieces of ${size} bytes`,
    );
  }
});

test("a frame above the bound is a fault before it is read", () => {
  assert.deepEqual(read(wire, 7, 50), {
    values: ["", "a", "two words"],
    fault: "Frame of 94 bytes",
  });
});

test("after bytes that do not decode nothing more is read", () => {
  const bad = Buffer.concat([Uint8Array.of(0, 0, 0, 1, 7), encodeFrame(word, "later")]);
  assert.deepEqual(read(bad, 3), { values: [], fault: "Ends too early" });
});

interface Parcel {
  readonly id: string;
  readonly whole: Uint8Array;
  readonly text: readonly Uint8Array[];
}

const MAX_PARCEL_BYTES = 100_000;
const parcel = struct<Parcel>({
  id: hex(8),
  whole: bytes(MAX_PARCEL_BYTES),
  text: pieces(MAX_PARCEL_BYTES),
});

/** A text of `length` octets that differ from their neighbours. */
function octets(length: number, first: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => first + at * 7);
}

test("large frames are the same however they are cut, and whether their texts were copied or borrowed", () => {
  const sizes = fc.oneof(fc.nat(20), fc.nat(40_000));
  const parcels = fc.array(fc.record({ whole: sizes, text: fc.array(sizes, { maxLength: 2 }) }), {
    minLength: 1,
    maxLength: 4,
  });
  const cuts = fc.array(fc.nat(50_000), { maxLength: 8 });
  fc.assert(
    fc.property(parcels, cuts, fc.constantFrom(1, 1000, Infinity), (all, at, borrowedFrom) => {
      const writer = new ByteWriter(16, borrowedFrom);
      const sent = all.map(({ whole, text: lengths }, index) => ({
        id: index.toString(16).padStart(8, "0"),
        whole: octets(whole, index),
        text: lengths.map((length) => octets(length, index + length)),
      }));
      for (const each of sent) writeFrame(writer, parcel, each);
      const line = Buffer.concat(writer.pieces());
      assert.equal(line.length, writer.length + writer.borrowedBytes);

      const reader = new FrameReader(parcel, 4 * MAX_PARCEL_BYTES);
      const came: Parcel[] = [];
      const ends = [...at.filter((end) => end < line.length), line.length].toSorted(
        (a, b) => a - b,
      );
      let from = 0;
      for (const end of ends) {
        const fault = reader.push(line.subarray(from, end), (value) => came.push(value));
        assert.equal(fault, undefined);
        from = end;
      }
      // Compared by their digests: a report of how large texts differ takes minutes.
      assert.deepEqual(came.map(digest), sent.map(digest));
    }),
  );
});

function digest({ id, whole, text: parts }: Parcel): string {
  const all = Buffer.concat(parts);
  return `${id} ${whole.length} ${crc32(whole)} ${all.length} ${crc32(all)}`;
}

test("a large frame that came in chunks and is too short for what it says is a fault", () => {
  const line = Buffer.from(
    encodeFrame(parcel, { id: "00000001", whole: octets(30_000, 1), text: [] }),
  );
  line.writeUInt32BE(1, line.length - 4);
  const reader = new FrameReader(parcel, MAX_PARCEL_BYTES);
  assert.equal(reader.push(line.subarray(0, 10_000), takeNothing), undefined);
  assert.equal(reader.push(line.subarray(10_000), takeNothing)?.reason, "Ends too early");
});

function takeNothing(): never {
  assert.fail("nothing is there");
}
