import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ChunkReader } from "./chunk-reader.ts";

interface Read {
  readonly text: string;
  readonly bare: boolean;
  readonly nul: boolean;
}

/** `text` in chunks of `chunkBytes`, which come in pieces of `pieceBytes`. */
function read(text: Buffer, chunkBytes: number, pieceBytes: number, isBinary: boolean): Read {
  const reader = new ChunkReader(isBinary);
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < text.length; from += chunkBytes) {
    const chunk = text.subarray(from, from + chunkBytes);
    // Commands stand between the chunks of a connection; one octet does for them here.
    const wire = Buffer.concat([chunk, Buffer.from("B")]);
    reader.begin(chunk.length);
    for (let at = 0; !reader.done; at = reader.end) {
      const piece = wire.subarray(0, Math.min(at + pieceBytes, wire.length));
      pieces.push(Buffer.from(reader.push(piece, at)));
    }
    assert.equal(reader.end, chunk.length, "nothing behind the chunk is read");
  }
  pieces.push(reader.tail());
  const { sawBareNewline: bare, sawNul: nul } = reader;
  return { text: Buffer.concat(pieces).toString("latin1"), bare, nul };
}

const OCTETS = fc
  .array(fc.constantFrom("\r", "\n", "\r\n", "a", ".", "\0", "\xff"), {
    minLength: 1,
    maxLength: 20,
  })
  .map((parts) => Buffer.from(parts.join(""), "latin1"));

test("chunks give their octets and the end that the last line lacks, wherever they are cut", () => {
  const sizes = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(OCTETS, sizes, sizes, (octets, chunkBytes, pieceBytes) => {
      const text = octets.toString("latin1");
      const bare = /\r(?!\n)|(?<!\r)\n/.test(text);
      const ended = /[\r\n]$/.test(text) ? text : `${text}\r\n`;
      assert.deepEqual(read(octets, chunkBytes, pieceBytes, false), {
        text: ended,
        bare,
        nul: text.includes("\0"),
      });
      assert.deepEqual(read(octets, chunkBytes, pieceBytes, true), {
        text,
        bare: false,
        nul: false,
      });
    }),
    { numRuns: 2000 },
  );
});
