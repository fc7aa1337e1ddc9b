import assert from "node:assert/strict";
import { test } from "node:test";
import type { Rcpt } from "#protocols/smtp/command.ts";
import { NOTHING_ASKED } from "#protocols/smtp/mail-options.ts";
import { NO_RCPT_OPTIONS } from "#protocols/smtp/rcpt-options.ts";
import { MAX_ENVELOPES } from "#model/envelope.ts";
import type { PlannedEnvelope } from "#model/resolution.ts";
import type { Service } from "./service.ts";
import { MailTransaction } from "./mail-transaction.ts";

const STEP = { by: "include", source: "/x".repeat(500), key: "", rule: "smtpd.conf:1" } as const;

function planned(steps: number, source: string = STEP.source): PlannedEnvelope {
  return {
    destination: "b@example.org",
    action: "out",
    transport: { kind: "mta" },
    rule: "smtpd.conf:1",
    trail: Array.from({ length: steps }, () => ({ ...STEP, source })),
    ttlMs: 1,
  };
}

function rcpt(forwardPath: string): Rcpt {
  return { verb: "RCPT", forwardPath, isAscii: true, options: NO_RCPT_OPTIONS };
}

function transaction(): MailTransaction {
  // Nobody is asked or told before there is a message.
  const service = {} as Service;
  const mail = { verb: "MAIL", reversePath: "a@example.org", options: NOTHING_ASKED } as const;
  return new MailTransaction(mail, service);
}

test("a message has a hundred thousand envelopes and no more, whoever they are for", () => {
  const tx = transaction();
  const half = Array.from({ length: MAX_ENVELOPES / 2 }, () => planned(0));
  assert.ok(tx.add(rcpt("list@example.org"), half));
  assert.ok(tx.add(rcpt("other@example.org"), half));
  assert.ok(!tx.add(rcpt("one@example.org"), [planned(0)]));
});

test("a list of a hundred thousand that others include fits", () => {
  const all = Array.from({ length: MAX_ENVELOPES }, () => planned(4, "/etc/mail/lists/everybody"));
  assert.ok(transaction().add(rcpt("list@example.org"), all));
});

test("bytes are counted, not characters: a list in another script fills the frame sooner", () => {
  const source = "ж".repeat(1000);
  const tx = transaction();
  const few = Array.from({ length: 1_400 }, () => planned(16, source));
  assert.ok(tx.add(rcpt("list@example.org"), few));
  assert.ok(!tx.add(rcpt("other@example.org"), few.slice(0, 200)));
});

test("envelopes that would not fit the frame to the queue are not added", () => {
  const tx = transaction();
  const many = Array.from({ length: 2_000 }, () => planned(16));
  assert.ok(tx.add(rcpt("list@example.org"), many.slice(0, 1_000)));
  assert.ok(!tx.add(rcpt("other@example.org"), [...many, ...many]));
  assert.ok(tx.add(rcpt("one@example.org"), [planned(0)]));
});
