import assert from "node:assert/strict";
import { test } from "node:test";
import { simRandom } from "./random.ts";
import { randomContract } from "./random-contract.ts";

randomContract("simulated random", () => simRandom(1));

function draws(seed: number, count: number): readonly number[] {
  const random = simRandom(seed);
  return Array.from({ length: count }, () => random.uint32());
}

test("the same seed gives the same numbers, another seed others", () => {
  assert.deepEqual(draws(7, 20), draws(7, 20));
  assert.notDeepEqual(draws(7, 20), draws(8, 20));
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
