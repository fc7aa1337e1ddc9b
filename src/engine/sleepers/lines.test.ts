import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Lines } from "./lines.ts";

test("Slots leave a line in the order in which they came, but for those that step out", () => {
  const step = fc.tuple(
    fc.constantFrom("push", "step out", "serve"),
    fc.integer({ min: 1, max: 20 }),
    fc.nat(2),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const lines = new Lines<string>();
      const open = ["a", "b", "c"].map((owner) => ({
        line: lines.open(owner),
        model: [] as number[],
      }));
      for (const [what, slot, at] of steps) {
        const { line, model } = open[at] ?? open[0] ?? assert.fail("there are lines");
        const of = open.find((each) => each.line === lines.lineOf(slot));
        if (what === "push" && of === undefined) {
          lines.push(line, slot);
          model.push(slot);
        } else if (what === "step out" && of !== undefined) {
          lines.remove(of.line, slot);
          of.model.splice(of.model.indexOf(slot), 1);
        } else if (what === "serve" && line.size > 0) {
          assert.equal(line.first, model.shift());
          lines.remove(line, line.first);
        }
        assert.equal(line.size, model.length);
      }
    }),
  );
});

test("A line is closed when nobody stands in it, and not before", () => {
  const lines = new Lines<string>();
  const line = lines.open("a");
  lines.push(line, 7);
  assert.throws(() => lines.close(line), RangeError);
  assert.throws(() => lines.push(lines.open("b"), 7), RangeError);
  lines.remove(line, 7);
  lines.close(line);
  assert.equal(lines.lineOf(7), undefined);
});
