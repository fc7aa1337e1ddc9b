import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeliveryResult } from "#model/delivery.ts";
import type { NotifyWord } from "#protocols/smtp/rcpt-options.ts";
import { type Envelope, NO_TERMS, type Terms } from "#model/envelope.ts";
import { type EnvelopeRecord, MessageRecord } from "#engine/scheduler/record.ts";
import { envelopeOf, messageOf, textOf } from "#test/support/deliveries.ts";
import { noticeOf, reportOf, warnedAfter } from "./notices.ts";
import { type Ended, type Verdict, verdictOn } from "./verdict.ts";

const HOUR_MS = 3_600_000;

function recordOf(changes: Partial<Envelope>, terms?: Partial<Terms>): EnvelopeRecord {
  const envelope = envelopeOf("bob@far.example", { ttlMs: 96 * HOUR_MS, ...changes });
  const message = messageOf(textOf(""), { terms: terms && { ...NO_TERMS, ...terms } });
  const plan = { ...envelope };
  const [record] = new MessageRecord(message, 0, [[envelope, plan]]).envelopes;
  if (record === undefined) throw new Error("No record");
  return record;
}

function ended(record: EnvelopeRecord, changes: Partial<DeliveryResult>): Ended {
  const result: DeliveryResult = {
    evpid: "",
    outcome: "failed",
    status: "5.0.0",
    diagnostic: "",
    remote: "",
    ...changes,
  };
  return { record, cause: "attempt", result, tookMs: 0 };
}

function verdictOf(record: EnvelopeRecord, outcome: DeliveryResult["outcome"]): Verdict {
  const nextTryMs = 5 * HOUR_MS;
  const warnedMs = warnedAfter(record, nextTryMs, [4 * HOUR_MS]);
  return verdictOn(ended(record, { outcome }), { nextTryMs, warnedMs });
}

const LOCAL = { transport: { kind: "mda", user: "bob", extension: "" } } as const;
const BY = { deliverBy: { atMs: 1000, mode: "notify", trace: false } } as const;

type Said = readonly NotifyWord[] | undefined;

/** What is told when a delivery failed, was deferred, was made by somebody who does not report, or who does. */
const TOLD: readonly (readonly [notify: Said, where: "far" | "local" | "timed", told: string])[] = [
  [undefined, "far", "failed delayed - -"],
  [["never"], "far", "- - - -"],
  [["success"], "far", "- - relayed -"],
  [["success", "failure"], "far", "failed - relayed -"],
  [["failure"], "far", "failed - - -"],
  [["delay"], "far", "- delayed - -"],
  [["success", "failure", "delay"], "far", "failed delayed relayed -"],
  [undefined, "local", "failed delayed - -"],
  [["success"], "local", "- - delivered delivered"],
  [["never"], "local", "- - - -"],
  [undefined, "timed", "failed delayed relayed relayed"],
  [["failure"], "timed", "failed delayed relayed relayed"],
  [["never"], "timed", "- - - -"],
];

for (const [notify, where, told] of TOLD) {
  test(`A sender who said ${notify?.join(",") ?? "nothing"} of a ${where} recipient is told: ${told}`, () => {
    const terms = { notify, originalRecipient: "" };
    const asked = where === "local" ? { ...LOCAL, terms } : { terms };
    const record = recordOf(asked, where === "timed" ? BY : undefined);
    const outcomes = ["failed", "deferred", "delivered", "handed-on"] as const;
    const notices = outcomes.map((outcome) => noticeOf(verdictOf(record, outcome)) ?? "-");
    assert.equal(notices.join(" "), told);
  });
}

const INTERVALS = [HOUR_MS, 4 * HOUR_MS, 24 * HOUR_MS];

const WARNED: readonly (readonly [warned: number, nextTry: number, told: number, why: string])[] = [
  [0, 0.5, 0, "not before the first interval"],
  [0, 1, 1, "when the next try comes as late as an interval"],
  [1, 2, 1, "once for an interval"],
  [1, 5, 4, "again for the next one"],
  [0, 30, 24, "once for several that are over at a time"],
  [24, 90, 24, "no more after the last"],
];

for (const [warned, nextTry, told, why] of WARNED) {
  test(`A sender is told of a delay ${why}`, () => {
    const record = recordOf({});
    record.warnedMs = warned * HOUR_MS;
    assert.equal(warnedAfter(record, nextTry * HOUR_MS, INTERVALS), told * HOUR_MS);
  });
}

test("Mail that is held back is not late before its time has come and passed", () => {
  const record = recordOf({}, { holdUntilMs: 10 * HOUR_MS });
  assert.equal(warnedAfter(record, 10.5 * HOUR_MS, INTERVALS), 0);
  assert.equal(warnedAfter(record, 11 * HOUR_MS, INTERVALS), 11 * HOUR_MS);
});

test("A time to deliver by is told to be missed when no try comes before it", () => {
  const record = recordOf({}, { deliverBy: { atMs: HOUR_MS / 2, mode: "notify", trace: false } });
  assert.equal(warnedAfter(record, HOUR_MS / 4, INTERVALS), 0);
  assert.equal(warnedAfter(record, HOUR_MS / 2, INTERVALS), HOUR_MS / 2);
});

const STEPS: readonly (readonly [keepsTime: boolean, trace: boolean, told: string])[] = [
  [false, false, "relayed"],
  [true, false, "-"],
  [true, true, "relayed"],
];

for (const [keepsTime, trace, told] of STEPS) {
  const server = keepsTime ? "a server that keeps the time" : "a server that does not";
  test(`A sender who set a time${trace ? " and wants to hear of each step" : ""} is told ${told} of ${server}`, () => {
    const record = recordOf({}, { deliverBy: { atMs: 1000, mode: "notify", trace } });
    const answer = { outcome: "delivered", ...(keepsTime && { keepsTime }) } as const;
    const verdict = verdictOn(ended(record, answer), { nextTryMs: 0, warnedMs: 0 });
    assert.equal(noticeOf(verdict) ?? "-", told);
  });
}

function failedAt(record: EnvelopeRecord, remote: string): Verdict {
  return verdictOn(ended(record, { remote }), { nextTryMs: 0, warnedMs: 0 });
}

test("A path of this machine is never told to a sender", () => {
  assert.equal(reportOf(failedAt(recordOf(LOCAL), "/home/bob/Maildir"), 0).remote, "");
  assert.equal(reportOf(failedAt(recordOf({}), "/run/filter.sock"), 0).remote, "");
  assert.equal(
    reportOf(failedAt(recordOf({}), "mx.far.example [192.0.2.1]"), 0).remote,
    "mx.far.example [192.0.2.1]",
  );
});

test("A report of a delay says how long this server goes on", () => {
  const report = reportOf(verdictOf(recordOf({}), "deferred"), 5000);
  assert.equal(report.retryUntilMs, 96 * HOUR_MS + 5000);
});
