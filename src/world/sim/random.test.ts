import assert from "node:assert/strict";
import { test } from "node:test";
import { simRandom } from "./random.ts";

function draws(seed: number, count: number): readonly number[] {
  const random = simRandom(seed);
  return Array.from({ length: count }, () => random.uint32());
}

test("the same seed gives the same numbers, another seed others", () => {
  assert.deepEqual(draws(7, 20), draws(7, 20));
  assert.notDeepEqual(draws(7, 20), draws(8, 20));
});

test("numbers are whole, fit 32 bits and use all of them", () => {
  let union = 0;
  for (const number of draws(1, 1_000)) {
    assert.ok(Number.isInteger(number) && number >= 0 && number < 0x1_0000_0000, `${number}`);
    union |= number;
  }
  assert.equal(union >>> 0, 0xffff_ffff);
});

test("a bound is kept and each number below it comes", () => {
  const random = simRandom(3);
  const seen = new Set(Array.from({ length: 500 }, () => random.below(6)));
  assert.deepEqual(seen, new Set([0, 1, 2, 3, 4, 5]));
});

test("a stream of its own neither disturbs the first nor follows it", () => {
  const random = simRandom(3);
  const fork = random.fork("disk");
  const forked = [fork.uint32(), fork.uint32()];
  assert.deepEqual([random.uint32(), random.uint32()], draws(3, 2));
  assert.notDeepEqual(forked, draws(3, 2));
  assert.notEqual(simRandom(3).fork("network").uint32(), forked[0]);
  assert.notEqual(simRandom(4).fork("disk").uint32(), forked[0]);
});

test("every byte of an array is filled, whatever its length", () => {
  for (let length = 0; length < 10; length++) {
    const random = simRandom(length);
    const union = new Uint8Array(length);
    for (let round = 0; round < 50; round++) {
      const drawn = new Uint8Array(length);
      random.fill(drawn);
      for (const [at, byte] of drawn.entries()) {
        union[at] = (union[at] ?? 0) | byte;
      }
    }
    assert.deepEqual(union, new Uint8Array(length).fill(0xff));
  }
});
