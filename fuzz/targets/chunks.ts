/** The reader of BDAT: as many octets as the chunk has, and the same verdict at every split. */
import assert from "node:assert/strict";
import { ChunkReader } from "#protocols/smtp/chunk-reader.ts";
import { type FuzzTarget, piecesOf, sizesFor } from "#fuzz/target.ts";

export const chunks: FuzzTarget = {
  name: "chunks",
  words: ["\r", "\n", "\r\n", "\0", "\x10", "\xff"],
  seeds: () => ["\x05a\r\nb\x02\r\n", "\x01\r\x01\n", "\x03a\nb"],
  run: (input) => {
    for (const isBinary of [false, true]) {
      const whole = readAll(input, isBinary, input.length || 1);
      for (const size of sizesFor(input))
        assert.deepEqual(readAll(input, isBinary, size), whole, `pieces of ${size}`);
    }
  },
};

/** Each chunk begins with an octet that says how many it has. */
function readAll(input: Buffer, isBinary: boolean, size: number): readonly unknown[] {
  const reader = new ChunkReader(isBinary);
  let text = "";
  for (let at = 0; at < input.length; ) {
    const octets = input[at] ?? 0;
    const chunk = input.subarray(at + 1, at + 1 + octets);
    reader.begin(chunk.length);
    for (const piece of piecesOf(chunk, size)) {
      text += Buffer.from(reader.push(piece, 0)).toString("latin1");
      assert.equal(reader.end, piece.length);
    }
    assert.ok(reader.done);
    at += 1 + octets;
  }
  const tail = Buffer.from(reader.tail()).toString("latin1");
  return [text, tail, reader.sawBareNewline, reader.sawNul];
}
