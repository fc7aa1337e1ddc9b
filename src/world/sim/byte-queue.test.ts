import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ByteQueue } from "./byte-queue.ts";

test("a byte queue gives back what it got, whatever the sizes of the pieces", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 10 });
  const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 });
  fc.assert(
    fc.property(pieces, sizes, (put, asked) => {
      const queue = new ByteQueue();
      for (const piece of put) queue.push(piece.slice());
      const taken: Uint8Array[] = [];
      for (let at = 0; queue.length > 0; at++) {
        const size = asked[at % asked.length] ?? 1;
        const before = queue.length;
        const piece = queue.take(size);
        assert.equal(piece.length, Math.min(size, before));
        assert.equal(queue.length, before - piece.length);
        taken.push(piece);
      }
      assert.deepEqual(Buffer.concat(taken), Buffer.concat(put));
    }),
  );
});
