import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "#base/codec.ts";
import { type TraceEntry, traceEntryCodec } from "#model/trace.ts";
import { linesOf } from "./trace-lines.ts";

const MSGID = "5f2a1b3c";
const EVPID = `${MSGID}00000001`;
const REPORT = "77777777";
/** 2026-11-25 08:00. */
const START_MS = Date.UTC(2026, 10, 25, 8);

/** A life with everything in it that can happen to a message. */
const ENTRIES: readonly TraceEntry[] = [
  {
    kind: "accepted",
    msgid: MSGID,
    atMs: START_MS,
    messageId: "<1@example.org>",
    reversePath: "ann@example.org",
    origin: {
      kind: "smtp",
      address: "192.0.2.7",
      hostname: "client.example.org",
      helo: "client\u001b[2J",
      fcrdns: "pass",
      tag: "office",
      username: "ann",
      tls: {
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        bits: 256,
        verified: false,
        fingerprints: [],
      },
    },
    textBytes: 1234,
    holdUntilMs: START_MS + 60_000,
    recipients: [
      {
        evpid: EVPID,
        forwardPath: "info@example.com",
        destination: "bob@example.net",
        action: "out",
        user: "",
        rule: "smtpd.conf:12",
        trail: [{ by: "alias", source: "aliases", key: "info", rule: "smtpd.conf:9" }],
      },
      {
        evpid: `${MSGID}00000002`,
        forwardPath: "cleo@example.com",
        destination: "cleo@example.com",
        action: "in",
        user: "cleo",
        rule: "smtpd.conf:9",
        trail: [],
      },
    ],
  },
  attempt(1, 61_000, {
    outcome: "deferred",
    status: "4.2.1",
    diagnostic: "451 4.2.1 busy\nDATE: forged",
    nextTryAtMs: START_MS + 400_000,
  }),
  { kind: "ordered", evpid: EVPID, atMs: START_MS + 200_000, order: "paused" },
  { kind: "ordered", evpid: EVPID, atMs: START_MS + 300_000, order: "resumed" },
  { kind: "ordered", evpid: EVPID, atMs: START_MS + 300_500, order: "scheduled" },
  { kind: "recovered", atMs: START_MS + 350_000, messages: 3, envelopes: 4 },
  { kind: "missing", atMs: START_MS + 350_500, entries: 17 },
  attempt(2, 400_000, {
    outcome: "deferred",
    status: "4.4.1",
    diagnostic: "",
    remote: "",
    nextTryAtMs: START_MS + 800_000,
  }),
  attempt(3, 900_000, {
    outcome: "handed-on",
    status: "2.0.0",
    diagnostic: "250 2.0.0 ok",
    tls: { kind: "tls", version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", verified: true },
  }),
  {
    kind: "expired",
    evpid: `${MSGID}00000002`,
    atMs: START_MS + 1_000_000,
    diagnostic: "Envelope expired",
  },
  {
    kind: "held",
    evpid: EVPID,
    atMs: START_MS + 910_000,
    limit: "mta penalty",
    untilMs: START_MS + 930_000,
    diagnostic: "No valid route to destination",
  },
  {
    kind: "waited",
    evpid: EVPID,
    atMs: START_MS + 940_000,
    waitedMs: 10_000,
    reason: "limit mta max-conn-per-domain",
  },
  attempt(4, 940_000, {}),
  { kind: "removed", evpid: `${MSGID}00000003`, atMs: START_MS + 1_000_001 },
  { kind: "reported", msgid: MSGID, atMs: START_MS + 1_000_002, action: "failed", report: REPORT },
  {
    kind: "unreported",
    msgid: MSGID,
    atMs: START_MS + 1_000_003,
    action: "delayed",
    why: "Too many",
  },
];

function attempt(
  number: number,
  afterMs: number,
  changes: Partial<TraceEntry & { readonly kind: "attempt" }>,
): TraceEntry {
  return {
    kind: "attempt",
    evpid: EVPID,
    atMs: START_MS + afterMs + 1300,
    beganAtMs: START_MS + afterMs,
    tookMs: 1250,
    number,
    outcome: "delivered",
    status: "",
    diagnostic: "",
    remote: "mx.example.net [192.0.2.9]",
    tls: { kind: "none" },
    nextTryAtMs: 0,
    ...changes,
  };
}

test("a life is told in a line for each thing that happened, none of which can be forged", () => {
  const lines = linesOf({ msgid: MSGID, evpids: "all", entries: ENTRIES }).map(({ line }) => line);
  assert.deepEqual(lines, [
    `2026-11-25T08:00:00.000Z ${MSGID} accepted from <ann@example.org> by client.example.org [192.0.2.7], HELO "client\\033[2J", TLSv1.3 TLS_AES_256_GCM_SHA384, user "ann", tag "office"; 1234 bytes, Message-ID <1@example.org>; held back until 2026-11-25T08:01:00.000Z`,
    `2026-11-25T08:00:00.000Z ${EVPID} to <info@example.com> as <bob@example.net>: action "out" by rule smtpd.conf:12; followed alias "aliases" ("info") of smtpd.conf:9`,
    `2026-11-25T08:00:00.000Z ${MSGID}00000002 to <cleo@example.com> for user "cleo": action "in" by rule smtpd.conf:9`,
    `2026-11-25T08:01:02.300Z ${EVPID} attempt 1: deferred by mx.example.net [192.0.2.9] in 1.3 s: 451 4.2.1 busy\\nDATE: forged; next try at 2026-11-25T08:06:40.000Z`,
    `2026-11-25T08:03:20.000Z ${EVPID} paused by an operator`,
    `2026-11-25T08:05:00.000Z ${EVPID} resumed by an operator`,
    `2026-11-25T08:05:00.500Z ${EVPID} to be tried at once, by order of an operator`,
    "2026-11-25T08:05:50.000Z - smtpd started with 3 messages (4 envelopes) waiting",
    "2026-11-25T08:05:50.500Z - 17 entries could not be written and are missing",
    `2026-11-25T08:06:41.300Z ${EVPID} attempt 2: deferred in 1.3 s: 4.4.1; next try at 2026-11-25T08:13:20.000Z`,
    `2026-11-25T08:15:01.300Z ${EVPID} attempt 3, after 1m40s of waiting for its turn: handed on to mx.example.net [192.0.2.9] in 1.3 s, TLSv1.3 TLS_AES_128_GCM_SHA256 verified: 250 2.0.0 ok`,
    `2026-11-25T08:16:40.000Z ${MSGID}00000002 given up: Envelope expired`,
    `2026-11-25T08:15:10.000Z ${EVPID} held by limit mta penalty until 2026-11-25T08:15:30.000Z: No valid route to destination`,
    `2026-11-25T08:15:40.000Z ${EVPID} waited 10s for limit mta max-conn-per-domain`,
    `2026-11-25T08:15:41.300Z ${EVPID} attempt 4: delivered to mx.example.net [192.0.2.9] in 1.3 s`,
    `2026-11-25T08:16:40.001Z ${MSGID}00000003 removed by an operator`,
    `2026-11-25T08:16:40.002Z ${MSGID} sender told of the failure by message ${REPORT}`,
    `2026-11-25T08:16:40.003Z ${MSGID} sender not told of the delay: Too many`,
  ]);
});

test("of a report it is told of what it is", () => {
  const entries = ENTRIES.filter(({ kind }) => kind === "reported");
  assert.deepEqual(
    linesOf({ msgid: REPORT, evpids: "all", entries }).map(({ line }) => line),
    [`2026-11-25T08:16:40.002Z ${REPORT} is the report of the failure of message ${MSGID}`],
  );
});

for (const entry of ENTRIES) {
  test(`an entry is read as it was written: ${entry.kind} at ${entry.atMs - START_MS} ms`, () => {
    const bytes = encode(traceEntryCodec, entry);
    assert.deepEqual(decode(traceEntryCodec, bytes), { kind: "decoded", value: entry });
  });
}
