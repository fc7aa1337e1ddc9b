import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { EnvelopeRows } from "./ledger-rows.ts";

/** Few keys, so that rows are found, removed and made again. */
const key = fc.record({ msgid: fc.nat(12), low: fc.nat(12) });
const step = fc.record({ remove: fc.boolean(), key });

test("rows are found by their key, whatever was added and removed before, as in a map", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const rows = new EnvelopeRows();
      const model = new Map<string, number>();
      for (const [at, { remove, key: one }] of steps.entries()) {
        const name = `${one.msgid}/${one.low}`;
        const row = rows.find(one.msgid, one.low);
        assert.equal(row >= 0, model.has(name));
        if (remove) {
          if (row >= 0) rows.remove(row);
          model.delete(name);
        } else {
          put(rows, one, at);
          model.set(name, at);
        }
      }
      assert.equal(rows.size, model.size);
      for (const [name, at] of model) {
        const [msgid = 0, low = 0] = name.split("/").map(Number);
        assert.equal(rows.triedAts[rows.find(msgid, low)], at, name);
      }
    }),
    { numRuns: 300 },
  );
});

test("many rows come and go, and the memory goes with them", () => {
  const rows = new EnvelopeRows();
  for (let low = 0; low < 20_000; low++) put(rows, { msgid: 7, low }, low);
  assert.ok(rows.triedAts.length < 25_600, "no more than a quarter is spare");
  for (let low = 0; low < 20_000; low += 2) rows.remove(rows.find(7, low));
  for (let low = 0; low < 20_000; low++) {
    const row = rows.find(7, low);
    assert.equal(row < 0 ? undefined : rows.triedAts[row], low % 2 === 0 ? undefined : low);
  }
  for (let low = 1; low < 20_000; low += 2) rows.remove(rows.find(7, low));
  assert.deepEqual([rows.size, rows.triedAts.length], [0, 0]);
  assert.equal(rows.find(7, 1), -1);
});

function put(
  rows: EnvelopeRows,
  { msgid, low }: { readonly msgid: number; readonly low: number },
  value: number,
): void {
  // Columns are other arrays when they have grown.
  const row = rows.put(msgid, low);
  rows.triedAts[row] = value;
}
