import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Parts } from "./parts.ts";

function slotsOf(parts: Parts, id: number): ReadonlySet<number> {
  const slots = new Set<number>();
  for (let slot = parts.firstOf(id); slot !== 0; slot = parts.after(slot)) slots.add(slot);
  return slots;
}

test("However ids lie in the table, each message has its parts, and no others", () => {
  // Few ids and many slots: lists are long, and places are freed in the midst of others.
  const step = fc.tuple(
    fc.integer({ min: 1, max: 120 }),
    fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 0xffff_ffff })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: "max" }), (steps) => {
      const parts = new Parts();
      const model = new Map<number, number>();
      for (const [slot, id] of steps) {
        if (model.has(slot)) {
          parts.remove(slot);
          model.delete(slot);
        } else {
          parts.add(slot, id);
          model.set(slot, id);
        }
      }
      const byId = Map.groupBy(model, ([, id]) => id);
      for (const [id, entries] of byId) {
        assert.deepEqual(slotsOf(parts, id), new Set(entries.map(([slot]) => slot)));
      }
      assert.deepEqual(new Set(parts.allIds()), new Set(model.values()));
      assert.equal(parts.messages, byId.size);
      for (const [slot, id] of model) assert.equal(parts.idOf(slot), id);
    }),
  );
});
