import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type TakesTurns, type TurnLine, Turns } from "./turns.ts";

class Waiter implements TakesTurns<Waiter> {
  line: TurnLine<Waiter> | undefined = undefined;
  before: Waiter | undefined = undefined;
  after: Waiter | undefined = undefined;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const byText = (a: string, b: string): number => a.localeCompare(b);

function drain(turns: Turns<Waiter>): readonly string[] {
  const names: string[] = [];
  for (let next = turns.shift(); next !== undefined; next = turns.shift()) names.push(next.name);
  return names;
}

test("The highest level goes first, and in each who came first", () => {
  const turns = new Turns<Waiter>();
  turns.push(new Waiter("a"), 0);
  turns.push(new Waiter("b"), 8);
  turns.push(new Waiter("c"), 8);
  assert.equal(turns.level, 8);
  assert.deepEqual(drain(turns), ["b", "c", "a"]);
  assert.equal(turns.level, -Infinity);
});

test("One who rises leaves the line that it stood in, and stands last in the other", () => {
  const turns = new Turns<Waiter>();
  const [a, b, c] = [new Waiter("a"), new Waiter("b"), new Waiter("c")];
  turns.push(a, 0);
  turns.push(b, 0);
  turns.push(c, 2);
  turns.raise(a, 2);
  turns.raise(c, 1);
  assert.deepEqual(drain(turns), ["c", "a", "b"]);
});

test("However many come at higher levels, each of the others has its turn", () => {
  const turns = new Turns<Waiter>();
  for (const level of [-2, 0]) {
    for (let at = 0; at < 5; at++) turns.push(new Waiter(`${level}`), level);
  }
  const counts: Record<string, number> = {};
  for (let at = 0; at < 48; at++) {
    turns.push(new Waiter("high"), 6);
    const name = turns.shift()?.name ?? "";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  assert.deepEqual(counts, { high: 40, "0": 4, "-2": 4 });
});

test("Whatever comes and rises, all have one turn each, those of one level in their order", () => {
  const step = fc.record({
    level: fc.integer({ min: -2, max: 2 }),
    what: fc.constantFrom("push", "shift", "raise"),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const turns = new Turns<Waiter>();
      const standing: Waiter[] = [];
      let came = 0;
      for (const { level, what } of steps) {
        const [waiter] = standing;
        if (what === "push") {
          const pushed = new Waiter(`${came++}`);
          standing.push(pushed);
          turns.push(pushed, level);
        } else if (what === "raise" && waiter !== undefined) {
          turns.raise(waiter, level);
        } else if (what === "shift") {
          const next = turns.shift();
          assert.equal(next === undefined, standing.length === 0);
          if (next !== undefined) standing.splice(standing.indexOf(next), 1);
        }
        assert.equal(turns.size, standing.length);
      }
      const left = standing.map(({ name }) => name);
      assert.deepEqual(drain(turns).toSorted(byText), left.toSorted(byText));
    }),
  );
});
