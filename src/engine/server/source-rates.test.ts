import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { SourceRates } from "./source-rates.ts";

/** How many of `times` connections at `nowMs` are taken. */
function taken(rates: SourceRates, nowMs: number, times: number, source = "a"): number {
  let count = 0;
  for (let n = 0; n < times; n++) if (rates.take(source, nowMs)) count++;
  return count;
}

test("a source may come in a burst, then at its rate", () => {
  const rates = new SourceRates(10, 5);
  assert.equal(taken(rates, 0, 100), 5);
  assert.equal(taken(rates, 99, 100), 0);
  assert.equal(taken(rates, 100, 100), 1);
  assert.equal(taken(rates, 350, 100), 2);
  assert.equal(taken(rates, 10_000, 100), 5, "after a pause in a burst again");
});

test("sources have rates of their own", () => {
  const rates = new SourceRates(10, 5);
  assert.deepEqual([taken(rates, 0, 9, "a"), taken(rates, 0, 9, "b")], [5, 5]);
});

test("a source never gets more than its burst and its rate, whenever it comes", () => {
  const gaps = fc.array(fc.nat({ max: 500 }), { maxLength: 200 });
  fc.assert(
    fc.property(gaps, (waits) => {
      const rates = new SourceRates(10, 5);
      let nowMs = 0;
      let count = 0;
      for (const wait of waits) {
        nowMs += wait;
        if (rates.take("a", nowMs)) count++;
        assert.ok(count <= 5 + nowMs / 100, `${count} after ${nowMs} ms`);
      }
    }),
  );
});

test("sources are forgotten when they owe nothing, and beyond twenty thousand in any case", () => {
  const rates = new SourceRates(1, 1);
  for (let n = 0; n < 50_000; n++) rates.take(`s${n}`, 0);
  assert.ok(rates.size <= 20_000, `${rates.size}`);
  for (let n = 0; n < 50_000; n++) rates.take("a", 2000);
  assert.ok(rates.size <= 2, `${rates.size}`);
});
