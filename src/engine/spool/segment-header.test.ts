import assert from "node:assert/strict";
import { test } from "node:test";
import {
  encodeHeader,
  FORMAT,
  HEADER_BYTES,
  readHeader,
  type SegmentHeader,
} from "./segment-header.ts";

const HEADER: SegmentHeader = {
  sequence: 12_345_678_901,
  mark: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  previous: { sequence: 12_345_678_900, bytes: 67_108_864 },
  encryption: { keyId: "0123456789abcdef", salt: new Uint8Array(32).fill(7) },
};

test("header is read as it was written, with and without a segment before it, and a key", () => {
  for (const header of [
    HEADER,
    { ...HEADER, previous: undefined },
    { ...HEADER, encryption: undefined },
  ]) {
    assert.deepEqual(readHeader(encodeHeader(header)), { kind: "header", header });
  }
});

function without(from: number, to: number): Uint8Array {
  return encodeHeader(HEADER).fill(0, from, to);
}

test("header survives the loss of either half, and no more", () => {
  const half = HEADER_BYTES / 2;
  assert.equal(readHeader(without(0, half)).kind, "header");
  assert.equal(readHeader(without(half, HEADER_BYTES)).kind, "header");
  assert.deepEqual(readHeader(without(0, HEADER_BYTES)), { kind: "damaged" });
  assert.deepEqual(readHeader(new Uint8Array(0)), { kind: "damaged" });
});

test("header survives a flip of any of its bits", () => {
  for (let at = 0; at < 100 * 8; at++) {
    const encoded = encodeHeader(HEADER);
    encoded[at >> 3] = (encoded[at >> 3] ?? 0) ^ (1 << (at & 7));
    assert.deepEqual(readHeader(encoded), { kind: "header", header: HEADER }, `bit ${at}`);
  }
});

test("header of another format is told from a damaged one", () => {
  const encoded = encodeHeader(HEADER);
  for (const copy of [0, HEADER_BYTES / 2]) {
    new DataView(encoded.buffer).setUint32(copy + 8, FORMAT + 1);
  }
  assert.deepEqual(readHeader(encoded), { kind: "other-format", format: FORMAT + 1 });
});
