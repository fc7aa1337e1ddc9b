import assert from "node:assert/strict";
import { test } from "node:test";
import { envelopeOf, messageOf, textOf } from "#test/support/deliveries.ts";
import { exportEnvelope, importEnvelope } from "./exchange.ts";

const PROGRESS = { retryCount: 3, lastTryAtMs: 9000, status: "4.7.1", diagnostic: "451 Later" };
const HOUR_MS = 3_600_000;

for (const warnedMs of [0, 4 * HOUR_MS]) {
  test(`a sender who was told of a delay of ${warnedMs / HOUR_MS} hours is not told again on the other side`, () => {
    const message = messageOf(textOf(""), { acceptedAtMs: 1_767_225_600_000 });
    const envelope = envelopeOf("bob@far.example");
    const progress = { ...PROGRESS, warnedMs };
    const theirs = exportEnvelope(message, envelope, progress, "mx.example");
    assert.equal(theirs.lastBounce, warnedMs === 0 ? 0 : theirs.ctime + warnedMs / 1000);
    const imported = importEnvelope(envelope.evpid, theirs, 0);
    assert.ok(typeof imported !== "string", "refused");
    assert.deepEqual(imported.progress, progress);
  });
}
