/**
 * Mail to servers that behave as badly as real ones do: nothing lost, nothing doubled, the
 * right back-off, each wait explained. SEEDS says how many worlds (as many as there is time
 * for if left out; thousands in `.ci/run`), SEED which one is the first: a failure tells its
 * number.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { faultsOf, NO_TALLY, type Tally } from "./oracle.ts";
import { TwoSides } from "./two-sides.ts";

const HOUR_MS = 3_600_000;
const SEEDS = Number(process.env["SEEDS"] ?? Infinity);
const FIRST_SEED = Number(process.env["SEED"] ?? randomInt(2 ** 31));
/** Unless SEEDS says how many. */
const MAX_MS = process.env["SEEDS"] === undefined ? 2000 : Infinity;
/** When the world stops: in some of them mail still waits. */
const HORIZONS_MS = [4 * HOUR_MS, 12 * HOUR_MS, 48 * HOUR_MS, 120 * HOUR_MS] as const;

test("Among servers of the real world each recipient is delivered to once, reported, or waits for a reason that is true", async (context) => {
  const endMs = performance.now() + MAX_MS;
  const tally = { ...NO_TALLY };
  let lived = 0;
  for (; lived < SEEDS && performance.now() < endMs; lived++) {
    const seed = FIRST_SEED + lived;
    try {
      await liveIn(seed, tally);
    } catch (cause) {
      throw new Error(`SEED=${seed} SEEDS=1`, { cause });
    }
  }
  context.diagnostic(`${lived} seeds from ${FIRST_SEED} on: ${JSON.stringify(tally)}`);
});

async function liveIn(seed: number, tally: Tally): Promise<void> {
  const sides = await TwoSides.make(seed);
  sides.beginTraffic();
  await sides.world.clock.advance(HORIZONS_MS[seed % HORIZONS_MS.length] ?? 0);
  assert.ok(sides.sender.accepted.length > 0, "mail was sent");
  assert.deepEqual(faultsOf(sides, await sides.sender.waiting(), tally), []);
  assert.deepEqual(await sides.end(), { connections: 0, sessions: 0, timers: 0 });
}
