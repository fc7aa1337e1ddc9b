import assert from "node:assert/strict";
import { test } from "node:test";
import type { AttemptTls } from "#model/delivery.ts";
import { localEnvelope, messageOf } from "#test/support/letters.ts";
import { entriesOf } from "./entries-of.ts";

const TLS: AttemptTls = { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", verified: true };

/** What an attempt that was secured like that is in the trace. */
function tracedTls(tls: AttemptTls | undefined): unknown {
  const envelope = localEnvelope("0000000a", "out", "ann");
  const result = {
    evpid: envelope.evpid,
    outcome: "delivered",
    status: "2.0.0",
    diagnostic: "Ok",
    remote: "mx.far.example [192.0.2.7]",
    ...(tls && { tls }),
  } as const;
  const [entry] = entriesOf(
    {
      kind: "delivery",
      message: messageOf("0000000a"),
      envelope,
      result,
      delayMs: 5,
      attempt: { beganAtMs: 1, tookMs: 4, number: 1, nextTryAtMs: 0 },
    },
    9,
  );
  return entry?.kind === "attempt" ? entry.tls : entry;
}

test("the trace has of an attempt how its connection was secured, or that it was not", () => {
  assert.deepEqual(tracedTls(TLS), { kind: "tls", ...TLS });
  assert.deepEqual(tracedTls(undefined), { kind: "none" });
});
