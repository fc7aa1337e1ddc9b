import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { CountedValues, NO_NUMBER } from "./counted-values.ts";

interface Pair {
  readonly key: string;
  readonly rest: number;
}

function counted(max: number): CountedValues<Pair> {
  return new CountedValues<Pair>(max, {
    keyOf: ({ key }) => key,
    isSame: (one, other) => one.rest === other.rest,
    kept: (pair) => pair,
  });
}

test("what is equal has one number for as long as somebody uses it, whatever comes and goes", () => {
  const step = fc.record({
    value: fc.record({ key: fc.constantFrom("a", "b"), rest: fc.nat(4) }),
    leaves: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const values = counted(6);
      const used = new Map<string, number[]>();
      for (const { value, leaves } of steps) {
        const name = `${value.key}${value.rest}`;
        const numbers = used.get(name) ?? [];
        const [known] = numbers;
        if (leaves) {
          const number = numbers.pop();
          if (number !== undefined) values.leave(number);
          if (numbers.length === 0) used.delete(name);
          continue;
        }
        const number = values.use(value);
        const isFull = known === undefined && used.size === 6;
        assert.equal(number === NO_NUMBER, isFull, name);
        if (number === NO_NUMBER) continue;
        assert.equal(number, known ?? number, name);
        assert.deepEqual({ ...values.get(number) }, { ...value });
        used.set(name, [...numbers, number]);
      }
      assert.equal(values.size, used.size);
    }),
  );
});

test("of what has one key only so many get a number, so that few are compared", () => {
  const values = counted(4096);
  const numbers = Array.from({ length: 100 }, (_, rest) => values.use({ key: "a", rest }));
  assert.equal(numbers.filter((number) => number !== NO_NUMBER).length, 32);
  assert.equal(numbers.indexOf(NO_NUMBER), 32);
  assert.notEqual(values.use({ key: "b", rest: 1 }), NO_NUMBER);
});
