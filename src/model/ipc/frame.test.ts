import assert from "node:assert/strict";
import { test } from "node:test";
import { text } from "#base/codec.ts";
import { encodeFrame, FrameReader } from "./frame.ts";

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
