import assert from "node:assert/strict";
import { test } from "node:test";
import type { Envelope } from "#model/envelope.ts";
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

const STATUSES: readonly (readonly [status: string, read: string])[] = [
  ["", ""],
  ["4.4.1", "4.4.1"],
  ["5.7.0", "5.7.0"],
  // No place there for a detail of two digits: the class is what counts.
  ["5.7.26", "5.0.0"],
  ["5.1.10", "5.0.0"],
];

for (const [status, read] of STATUSES) {
  test(`a last error of status "${status}" is "${read}" on the other side`, () => {
    const envelope = envelopeOf("bob@far.example");
    const progress = { ...PROGRESS, warnedMs: 0, status };
    const theirs = exportEnvelope(messageOf(textOf("")), envelope, progress, "mx.example");
    const imported = importEnvelope(envelope.evpid, theirs, 0);
    assert.ok(typeof imported !== "string", "refused");
    assert.equal(imported.progress.status, read);
  });
}

for (const [listed, exec] of [
  [{ kind: "pipe", text: "/usr/bin/filter -x" }, "/usr/bin/filter -x"],
  [
    { kind: "file", text: "/var/mail/list" },
    "/usr/libexec/mail.mboxfile -f %{mbox.from} /var/mail/list",
  ],
] as const) {
  test(`a ${listed.kind} of a list is a command on the other side, and does not come back as one`, () => {
    const envelope: Envelope = {
      ...envelopeOf("ann@example.org"),
      transport: { kind: "mda", user: "ann", extension: "", listed },
    };
    const progress = { ...PROGRESS, warnedMs: 0 };
    const theirs = exportEnvelope(messageOf(textOf("")), envelope, progress, "mx.example");
    assert.equal(theirs.mdaExec, exec);
    assert.equal(
      importEnvelope(envelope.evpid, theirs, 0),
      "it is for a command of an alias or forward file",
    );
  });
}
