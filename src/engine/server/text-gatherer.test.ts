import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { MIN_PIECE_BYTES, TextGatherer } from "./text-gatherer.ts";

function gather(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const written: Uint8Array[] = [];
  const gatherer = new TextGatherer((text) => written.push(text));
  for (const piece of pieces) gatherer.push(piece);
  gatherer.end();
  return written;
}

test("a text of single octets is kept in few pieces", () => {
  const octets = Array.from({ length: 100_000 }, (_, at) => Uint8Array.of(at % 256));
  const written = gather(octets);
  assert.deepEqual(Buffer.concat(written), Buffer.concat(octets));
  assert.ok(written.length <= 100_000 / MIN_PIECE_BYTES, `${written.length} pieces`);
});

test("a large piece, and one that stays alone, is not copied", () => {
  const large = new Uint8Array(MIN_PIECE_BYTES);
  const small = new Uint8Array(10);
  assert.deepEqual([gather([large])[0] === large, gather([small])[0] === small], [true, true]);
});

test("what is written is the text, and is not changed afterwards", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.uint8Array({ minLength: MIN_PIECE_BYTES - 2, maxLength: MIN_PIECE_BYTES + 2 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      assert.deepEqual(Buffer.concat(gather(pieces)), Buffer.concat(pieces));
    }),
  );
});

test("what was dropped is not written", () => {
  const written: Uint8Array[] = [];
  const gatherer = new TextGatherer((text) => written.push(text));
  gatherer.push(Uint8Array.of(1));
  gatherer.push(Uint8Array.of(2));
  gatherer.drop();
  gatherer.push(Uint8Array.of(3));
  gatherer.end();
  assert.deepEqual(written, [Uint8Array.of(3)]);
});
