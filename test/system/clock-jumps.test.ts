/**
 * A wall clock that jumps, while mail waits for its next attempt: hours and days, to where no
 * clock was set yet (1970), and to where 32 bits of seconds end (2038).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY_MS, MailSystem, TTL_MS } from "./mail-system.ts";

const HOUR_MS = 3_600_000;
const BOB = "bob@far.example";

/** By how much a clock is to be set. */
const JUMPS: readonly { readonly name: string; readonly byMs: (wallMs: number) => number }[] = [
  { name: "two hours ahead", byMs: () => 2 * HOUR_MS },
  { name: "a day back", byMs: () => -DAY_MS },
  { name: "forty days ahead", byMs: () => 40 * DAY_MS },
  { name: "back to 1970", byMs: (wallMs) => -wallMs },
  {
    name: "to the end of 32 bits",
    byMs: (wallMs) => Date.parse("2038-01-19T03:14:07Z") - wallMs,
  },
];

function systemWithWaiting(seed: number): MailSystem {
  const system = new MailSystem(seed);
  system.carrier.script = ({ destination }) => ({
    outcome: destination === BOB ? "deferred" : "delivered",
  });
  return system;
}

for (const { name, byMs } of JUMPS) {
  test(`a clock that is set ${name} during retries changes no attempt, expires nothing early and keeps nothing for ever`, async () => {
    const system = systemWithWaiting(1);
    await system.send({ to: [BOB] });
    await system.clock.advance(2000 * 1000);
    system.clock.jumpWall(byMs(system.clock.wallMs()));
    await system.clock.advance(2000 * 1000);
    assert.deepEqual(system.attemptSeconds(BOB), [0, 400, 1600, 3600]);
    assert.equal(system.size, 1);
    await system.clock.advance(TTL_MS - 4000 * 1000 - 1000);
    assert.equal(system.size, 1, "it has the time that it was given");
    await system.clock.advance(2000);
    assert.equal(system.size, 0, "and no more");
  });

  test(`mail is tried again soon after a restart with a clock that is set ${name}, and does not wait for ever`, async () => {
    const system = systemWithWaiting(2);
    await system.send({ to: [BOB] });
    await system.clock.advance(2000 * 1000);
    system.clock.jumpWall(byMs(system.clock.wallMs()));
    await system.restart();
    await system.clock.advance(3600 * 1000);
    const after = system.attemptSeconds(BOB).filter((seconds) => seconds >= 2000);
    assert.ok(after.length >= 1, "tried after the restart, before anything expires");
    await system.clock.advance(2 * TTL_MS);
    assert.equal(system.size, 0, "expired in the end");
    assert.equal(system.seen("expired").length, 1);
  });

  test(`a clock that is set ${name} and then right again costs nothing`, async () => {
    const system = systemWithWaiting(3);
    await system.send({ to: [BOB] });
    await system.clock.advance(500 * 1000);
    const byMsNow = byMs(system.clock.wallMs());
    system.clock.jumpWall(byMsNow);
    await system.clock.advance(10 * 1000);
    system.clock.jumpWall(-byMsNow);
    await system.restart();
    await system.clock.advance(1200 * 1000);
    assert.deepEqual(system.attemptSeconds(BOB), [0, 400, 1600]);
    assert.equal(system.size, 1);
  });
}
