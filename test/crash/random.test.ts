/**
 * Spools that live and die at random. SEEDS says how many (as many as there is time for if left out;
 * thousands in `.ci/run`), SEED which one is the first: a failure tells its number.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { liveThrough } from "./random-life.ts";

const SEEDS = Number(process.env["SEEDS"] ?? Infinity);
const FIRST_SEED = Number(process.env["SEED"] ?? randomInt(2 ** 31));
/** Unless SEEDS says how many. */
const MAX_MS = process.env["SEEDS"] === undefined ? 10_000 : Infinity;

test("Spools that die in every way, with checkpoints lost and keys replaced in between, keep what was durable", async (context) => {
  const endMs = performance.now() + MAX_MS;
  let lived = 0;
  for (; lived < SEEDS && performance.now() < endMs; lived++) {
    const seed = FIRST_SEED + lived;
    try {
      assert.equal(await liveThrough(seed), undefined);
    } catch (cause) {
      throw new Error(`SEED=${seed} SEEDS=1`, { cause });
    }
  }
  context.diagnostic(`${lived} seeds from ${FIRST_SEED} on`);
});
