import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Heap, type HeapItem, OUTSIDE_HEAP } from "./heap.ts";

interface Named extends HeapItem {
  readonly name: number;
}

function item(name: number): Named {
  return { name, heapKey: 0, heapIndex: OUTSIDE_HEAP };
}

test("A heap gives items back in the order of their keys, however they were added, moved and removed", () => {
  const step = fc.tuple(
    fc.constantFrom("add", "update", "remove", "take"),
    fc.nat(30),
    fc.nat(1000),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new Heap<Named>();
      const inside = new Map<number, Named>();
      for (const [what, name, key] of steps) {
        const known = inside.get(name);
        if (what === "add" && known === undefined) {
          const fresh = item(name);
          heap.add(fresh, key);
          inside.set(name, fresh);
        }
        if (what === "update" && known !== undefined) heap.update(known, key);
        if (what === "remove" && known !== undefined) {
          heap.remove(known);
          inside.delete(name);
        }
        if (what === "take" && heap.first !== undefined) {
          inside.delete(heap.first.name);
          heap.remove(heap.first);
        }
        const smallest = Math.min(...[...inside.values()].map((each) => each.heapKey));
        assert.equal(heap.first?.heapKey ?? Infinity, smallest);
        assert.equal(heap.size, inside.size);
      }
    }),
  );
});

test("A heap refuses an item that is in a heap already, and one that is not in it", () => {
  const heap = new Heap<Named>();
  const one = item(1);
  heap.add(one, 5);
  assert.throws(() => heap.add(one, 6), RangeError);
  assert.throws(() => heap.remove(item(2)), RangeError);
  heap.remove(one);
  assert.equal(one.heapIndex, OUTSIDE_HEAP);
  assert.throws(() => heap.update(one, 1), RangeError);
});
