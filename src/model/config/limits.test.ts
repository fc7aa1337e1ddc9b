import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits, MDA_LIMITS, MTA_LIMITS, SCHEDULER_LIMITS } from "./limits.ts";

const OPENSMTPD_TASKS = { taskHiwat: 50, taskLowat: 30, taskRelease: 10 };

test("compat opensmtpd has its pauses between connections, and its messages of a session", () => {
  const usual = defaultLimits(MTA_LIMITS, "none");
  const { connDelayRouteMs, connDelayRelayMs, reconnDelayRouteMs, sessionMailMax } = usual;
  assert.deepEqual([connDelayRouteMs, connDelayRelayMs, reconnDelayRouteMs], [0, 0, 0]);
  assert.equal(sessionMailMax, 1000);
  assert.deepEqual(defaultLimits(MTA_LIMITS, "opensmtpd"), {
    ...usual,
    connDelayRouteMs: 5000,
    connDelayRelayMs: 2000,
    reconnDelayRouteMs: 3000,
    sessionMailMax: 100,
    ...OPENSMTPD_TASKS,
  });
});

test("compat opensmtpd has as little at hand, and hands out as little at once, and changes no other limit", () => {
  assert.deepEqual(defaultLimits(MDA_LIMITS, "opensmtpd"), {
    ...defaultLimits(MDA_LIMITS, "none"),
    maxMailPerSession: 1,
    ...OPENSMTPD_TASKS,
  });
  assert.deepEqual(defaultLimits(SCHEDULER_LIMITS, "opensmtpd"), {
    ...defaultLimits(SCHEDULER_LIMITS, "none"),
    maxSchedule: 10,
  });
});
