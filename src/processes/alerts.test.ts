import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { Alerts } from "./alerts.ts";

test("a flood of alerts is told by its first, and by the number of the others", async () => {
  const clock = new SimClock();
  const lines: string[] = [];
  const alerts = new Alerts(clock, (line) => lines.push(line));
  for (let n = 0; n < 10_000; n++) alerts.tell("an agent was refused");
  assert.equal(lines.length, 60);
  assert.equal(lines[0], "alert: an agent was refused");
  await clock.advance(60_000);
  assert.deepEqual(lines.slice(60), ["alert: 9940 more within a minute"]);
  alerts.tell("another");
  await clock.advance(60_000);
  assert.deepEqual(lines.slice(61), ["alert: another"]);
  assert.equal(clock.pendingTimers, 0);
});
