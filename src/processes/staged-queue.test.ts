import assert from "node:assert/strict";
import { test } from "node:test";
import type { QueuedEnvelope } from "#engine/queue/show.ts";
import type { WaitReason } from "#engine/scheduler/wait-reason.ts";
import type { Staged } from "#model/attempt-progress.ts";
import { localEnvelope, messageOf } from "#test/support/letters.ts";
import { stagedQueue } from "./staged-queue.ts";

const INFLIGHT: WaitReason = { kind: "inflight", sinceMs: 5, stage: "begun", remote: "" };

function queued(msgid: string, reason: WaitReason): QueuedEnvelope {
  return {
    message: messageOf(msgid),
    envelope: localEnvelope(msgid, "out", "ann"),
    reason,
    retryCount: 0,
    lastTryAtMs: 0,
    expiresAtMs: 0,
    lastError: "",
    route: "",
  };
}

test("an envelope in flight has the stage of its attempt, where its dispatcher says one", async () => {
  const some = [
    queued("0000000a", INFLIGHT),
    queued("0000000b", { kind: "turn" }),
    queued("0000000c", INFLIGHT),
  ];
  const asked: (readonly [number, readonly number[]])[] = [];
  const queue = stagedQueue(
    {
      async *envelopes() {
        yield some;
        yield [queued("0000000d", { kind: "turn" })];
      },
      count: async () => 4,
      text: () => undefined,
    },
    {
      doors: {
        attemptsAt: (evpids) => [
          { index: 0, attempts: [{ attempt: 7, evpids: [...evpids].slice(0, 1) }] },
          { index: 1, attempts: [{ attempt: 7, evpids: [...evpids].slice(1) }] },
        ],
      },
      views: {
        async stages(index, attempts): Promise<readonly Staged[]> {
          asked.push([index, attempts]);
          return index === 0 ? [{ stage: "connecting", remote: "mx.example" }] : [];
        },
      },
    },
  );
  const reasons: WaitReason[] = [];
  for await (const slice of queue.envelopes({ kind: "all" }))
    reasons.push(...slice.map(({ reason }) => reason));
  assert.deepEqual(reasons, [
    { ...INFLIGHT, stage: "connecting", remote: "mx.example" },
    { kind: "turn" },
    INFLIGHT,
    { kind: "turn" },
  ]);
  // Nobody is asked about a slice that has nothing in flight.
  assert.deepEqual(asked, [
    [0, [7]],
    [1, [7]],
  ]);
});
