import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { SlotHeap } from "./slot-heap.ts";

test("Slots come, move and leave in any order, and the first has the smallest key", () => {
  const step = fc.tuple(
    fc.constantFrom("add", "add", "update", "remove", "first"),
    fc.integer({ min: 1, max: 40 }),
    fc.oneof(fc.nat(20), fc.constant(Infinity)),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
      const heap = new SlotHeap();
      const model = new Map<number, number>();
      for (const [what, named, key] of steps) {
        const slot = what === "first" ? heap.first : named;
        const isHere = model.has(slot);
        if (what === "add" && !isHere) heap.add(slot, key);
        else if (what === "update" && isHere) heap.update(slot, key);
        else if ((what === "remove" || what === "first") && isHere) heap.remove(slot);
        else continue;
        if (what === "add" || what === "update") model.set(slot, key);
        else model.delete(slot);
        assert.equal(heap.firstKey, Math.min(...model.values()));
        assert.equal(heap.first === 0, model.size === 0);
        if (heap.first !== 0) assert.equal(model.get(heap.first), heap.firstKey);
      }
    }),
  );
});

test("A slot is in the heap once, and only what is there can be moved or removed", () => {
  const heap = new SlotHeap();
  heap.add(1, 5);
  assert.throws(() => heap.add(1, 6), RangeError);
  assert.throws(() => heap.update(2, 6), RangeError);
  assert.throws(() => heap.remove(2), RangeError);
});
