import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_HOLD_MS, NO_TERMS, type Terms } from "#model/envelope.ts";
import { RamSpool } from "#engine/spool/ram-spool.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { relayAction } from "#test/support/actions.ts";
import { localEnvelope, messageOf } from "#test/support/letters.ts";
import { createQueue, DEFAULT_QUEUE_SETTINGS } from "./queue.ts";

const HOUR_MS = 3_600_000;
const ACTIONS = new Map([["out", relayAction("out", { ttlMs: 100 * HOUR_MS })]]);

function heldUntil(holdUntilMs: number): Terms {
  return { ...NO_TERMS, holdUntilMs };
}

/** After how many hours the first attempt is made of a message that is held back until then. */
async function hoursToFirstAttempt(holdHours: number): Promise<number> {
  const clock = new SimClock();
  const startMs = clock.monotonicMs();
  let attemptedMs: number | undefined;
  const queue = createQueue(
    {
      spool: new RamSpool(),
      clock,
      random: new SimRandom(1),
      routing: { resolve: () => ({ kind: "rejected", rule: "", why: "" }) },
      carrier: {
        attempt: () => {
          attemptedMs ??= clock.monotonicMs();
          return new Promise(() => undefined);
        },
      },
      observe: () => undefined,
    },
    { ...DEFAULT_QUEUE_SETTINGS, serverName: "mx.example", actions: ACTIONS },
  );
  const submission = queue.localIntake().open();
  assert.ok(submission !== undefined, "no submission");
  const { msgid } = submission;
  const acceptedAtMs = clock.wallMs();
  const terms = heldUntil(acceptedAtMs + holdHours * HOUR_MS);
  const envelope = {
    ...localEnvelope(msgid, "out", "b"),
    transport: { kind: "mta" } as const,
    ttlMs: 1000 * HOUR_MS,
  };
  await submission.commit({ ...messageOf(msgid), acceptedAtMs, terms }, [envelope]);
  await clock.settle();
  await clock.advance(400 * HOUR_MS);
  return Math.floor(((attemptedMs ?? Number.NaN) - startMs) / HOUR_MS);
}

test("A message that is held back is tried when its time has come, and not before", async () => {
  assert.equal(await hoursToFirstAttempt(5), 5);
});

test("A message that was held back until a time that is past is tried at once", async () => {
  assert.equal(await hoursToFirstAttempt(-5), 0);
});

test("No message is held back longer than may be asked for", async () => {
  assert.equal(await hoursToFirstAttempt(1000), MAX_HOLD_MS / HOUR_MS);
});
