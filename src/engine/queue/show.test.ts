import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { STAGES } from "#model/attempt-progress.ts";
import type { Message } from "#model/envelope.ts";
import { formatReason, type WaitReason } from "#engine/scheduler/wait-reason.ts";
import { originOf } from "#test/support/letters.ts";
import { formatEnvelope, formatQueueJson, formatQueueLine, type QueuedEnvelope } from "./show.ts";
import { Tally } from "./tally.ts";

const NOW_MS = 1_767_225_700_000;

const MESSAGE: Message = {
  msgid: "0000000a",
  acceptedAtMs: 1_767_225_600_000,
  reversePath: "alice@example.com",
  origin: originOf("192.0.2.9", "client.example"),
  textBytes: 100,
  is8bit: false,
  terms: undefined,
};

/** As JSON has it. */
function withoutUndefined(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}

const RELAYED: QueuedEnvelope = {
  message: MESSAGE,
  envelope: {
    evpid: "0000000a00000001",
    forwardPath: "bob@example.org",
    destination: "robert@example.org",
    action: "out",
    transport: { kind: "mta" },
    rule: "smtpd.conf:9",
    trail: [],
    terms: undefined,
    ttlMs: 345_600_000,
  },
  reason: { kind: "retry", untilMs: NOW_MS + 300_000 },
  retryCount: 1,
  lastTryAtMs: 1_767_225_610_000,
  expiresAtMs: 1_767_571_200_000,
  lastError: "451 4.7.1 Try later",
  route: "relay out example.org",
};

const HEAD = "0000000a00000001|inet4|mta|";
const MIDDLE =
  "|alice@example.com|bob@example.org|robert@example.org|1767225600|1767571200|1767225610|1|";

interface Case {
  readonly name: string;
  readonly change: Partial<QueuedEnvelope>;
  readonly line: string;
}

function because(reason: WaitReason): Partial<QueuedEnvelope> {
  return { reason };
}

function fromOrigin(origin: Partial<Message["origin"]>): Partial<QueuedEnvelope> {
  return { message: { ...MESSAGE, origin: { ...MESSAGE.origin, ...origin } } };
}

const ERROR = "|451 4.7.1 Try later";

const CASES: readonly Case[] = [
  {
    name: "that waits for its next try has the seconds to it",
    change: {},
    line: `${HEAD}${MIDDLE}pending|300${ERROR}`,
  },
  {
    name: "that is overdue has negative seconds",
    change: because({ kind: "retry", untilMs: NOW_MS - 5000 }),
    line: `${HEAD}${MIDDLE}pending|-5${ERROR}`,
  },
  {
    name: "in flight has the seconds since its attempt began",
    change: because({ kind: "inflight", sinceMs: NOW_MS - 7000, stage: "begun", remote: "" }),
    line: `${HEAD}${MIDDLE}inflight|7${ERROR}`,
  },
  {
    name: "held back by a limit of relaying has the seconds to its end",
    change: because({ kind: "limit", name: "mta penalty", untilMs: NOW_MS + 15_000 }),
    line: `${HEAD}hold${MIDDLE}pending|15${ERROR}`,
  },
  {
    name: "that is suspended has a flag",
    change: because({ kind: "suspended", by: "operator" }),
    line: `${HEAD}suspend${MIDDLE}pending|0${ERROR}`,
  },
  {
    name: "held back by a limit has a flag",
    change: because({ kind: "limit", name: "mta max-conn-per-relay", max: 100 }),
    line: `${HEAD}hold${MIDDLE}pending|0${ERROR}`,
  },
  {
    name: "of an authenticated IPv6 client says both",
    change: fromOrigin({ address: "2001:db8::1", username: "alice", tls: undefined }),
    line: `0000000a00000001|inet6|mta|auth${MIDDLE}pending|300${ERROR}`,
  },
  {
    name: "of a bounce shows the null sender as @",
    change: {
      message: {
        ...MESSAGE,
        reversePath: "",
        origin: { ...MESSAGE.origin, kind: "internal", address: "local" },
      },
    },
    line: `0000000a00000001|local|mta|bounce,internal${MIDDLE.replace("alice@example.com", "@")}pending|300${ERROR}`,
  },
  {
    name: "cannot be broken by what strangers wrote",
    change: {
      message: { ...MESSAGE, reversePath: "a|b\n@example.com" },
      lastError: "451 a|b\r\n\\ \u001b[2J é",
    },
    line: `${HEAD}${MIDDLE.replace("alice@", "a\\174b\\012@")}pending|300|451 a|b\\015\\012\\\\ \\033[2J \\303\\251`,
  },
];

for (const c of CASES) {
  test(`A queue line ${c.name}`, () => {
    const line = formatQueueLine({ ...RELAYED, ...c.change }, NOW_MS);
    assert.equal(line, c.line);
  });
}

test("The JSON form says why the envelope waits, as data and in words", () => {
  const shown: unknown = JSON.parse(formatQueueJson(RELAYED, NOW_MS));
  assert.deepEqual(shown, {
    evpid: "0000000a00000001",
    msgid: "0000000a",
    agent: "mta",
    action: "out",
    route: "relay out example.org",
    rule: "smtpd.conf:9",
    trail: [],
    flags: [],
    origin: withoutUndefined(MESSAGE.origin),
    sender: "alice@example.com",
    recipient: "bob@example.org",
    destination: "robert@example.org",
    textBytes: 100,
    acceptedAtMs: 1_767_225_600_000,
    expiresAtMs: 1_767_571_200_000,
    lastTryAtMs: 1_767_225_610_000,
    retryCount: 1,
    lastError: "451 4.7.1 Try later",
    reason: { kind: "retry", untilMs: NOW_MS + 300_000 },
    reasonText: "retry in 300 s",
  });
});

test("Of an attempt under way it is said how far it is, and with whom", () => {
  const said = STAGES.map((stage) => {
    const reason = {
      kind: "inflight",
      sinceMs: NOW_MS - 7000,
      stage,
      remote: "mx.example",
    } as const;
    return [formatReason(reason, NOW_MS), formatReason({ ...reason, remote: "" }, NOW_MS)];
  });
  assert.deepEqual(said, [
    ["in flight for 7 s", "in flight for 7 s"],
    ["in flight for 7 s, asking DNS", "in flight for 7 s, asking DNS"],
    [
      "in flight for 7 s, waiting for a connection to mx.example",
      "in flight for 7 s, waiting for a connection",
    ],
    ["in flight for 7 s, connecting to mx.example", "in flight for 7 s, connecting"],
    ["in flight for 7 s, being greeted by mx.example", "in flight for 7 s, being greeted"],
    ["in flight for 7 s, TLS with mx.example", "in flight for 7 s, TLS"],
    ["in flight for 7 s, sending to mx.example", "in flight for 7 s, sending"],
    [
      "in flight for 7 s, all is sent, waiting for the reply of mx.example",
      "in flight for 7 s, all is sent, waiting for the reply",
    ],
  ]);
});

test("Times are whole milliseconds in JSON, whatever the clocks say", () => {
  const times = { lastTryAtMs: 10.4, expiresAtMs: 20.6 };
  for (const [reason, whole] of [
    [
      { kind: "retry", untilMs: 30.6 },
      { kind: "retry", untilMs: 31 },
    ],
    [
      { kind: "inflight", sinceMs: 30.4, stage: "begun", remote: "" },
      { kind: "inflight", sinceMs: 30, stage: "begun", remote: "" },
    ],
    [
      { kind: "limit", name: "mta penalty", untilMs: 30.6 },
      { kind: "limit", name: "mta penalty", untilMs: 31 },
    ],
  ] as const) {
    const shown: unknown = JSON.parse(formatQueueJson({ ...RELAYED, ...times, reason }, NOW_MS));
    assert.partialDeepStrictEqual(shown, { lastTryAtMs: 10, expiresAtMs: 21, reason: whole });
  }
});

test("An envelope is shown as one field a line, whatever is in the fields", () => {
  const shown = formatEnvelope({ ...RELAYED, lastError: "451 a\nrcpt: forged" }, NOW_MS);
  assert.equal(
    shown,
    [
      "evpid: 0000000a00000001",
      "action: out",
      "route: relay out example.org",
      "rule: smtpd.conf:9",
      "type: mta",
      "helo: client.example",
      "hostname: client.example",
      "address: 192.0.2.9",
      "sender: alice@example.com",
      "rcpt: bob@example.org",
      "dest: robert@example.org",
      "size: 100",
      "ctime: 1767225600",
      "ttl: 345600",
      "expire: 1767571200",
      "last-try: 1767225610",
      "retry: 1",
      "errorline: 451 a\\012rcpt: forged",
      "waits: retry in 300 s",
      "",
    ].join("\n"),
  );
});

test("An envelope that aliases led to shows each step with its rule", () => {
  const trail = [
    { by: "alias", source: "aliases", key: "team", rule: "smtpd.conf:7" },
    { by: "include", source: "/etc/mail/te\nam", key: "", rule: "smtpd.conf:7" },
    { by: "forward-file", source: "bob", key: "", rule: "smtpd.conf:8" },
  ] as const;
  const transport = { kind: "mda", user: "bob", extension: "lists" } as const;
  const envelope = { ...RELAYED.envelope, trail, transport };
  const lines = formatEnvelope({ ...RELAYED, envelope }, NOW_MS).split("\n");
  assert.deepEqual(lines.slice(3, 10), [
    "rule: smtpd.conf:9",
    "by: alias <aliases> team (smtpd.conf:7)",
    "by: include /etc/mail/te\\012am (smtpd.conf:7)",
    "by: forward-file bob (smtpd.conf:8)",
    "type: mda",
    "mda-user: bob",
    "extension: lists",
  ]);
});

test("LOC-11: whatever strangers wrote, no line of an envelope has what a terminal obeys, or a field too many", () => {
  const text = fc.string({ unit: "binary", maxLength: 40 });
  const hostile = fc.oneof(
    text,
    fc.constantFrom("\u001b[2J", "\u009b31m", "a|b\r\n", "\u202e", "\u0007"),
  );
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 10, maxLength: 10 }), (texts) => {
      const [sender = "", rcpt = "", dest = "", error = "", helo = ""] = texts;
      const [hostname = "", username = "", tag = "", route = "", orcpt = ""] = texts.slice(5);
      const queued: QueuedEnvelope = {
        ...RELAYED,
        message: {
          ...MESSAGE,
          reversePath: sender,
          origin: { ...MESSAGE.origin, helo, hostname, username, tag },
        },
        envelope: {
          ...RELAYED.envelope,
          forwardPath: rcpt,
          destination: dest,
          terms: { notify: undefined, originalRecipient: orcpt },
        },
        lastError: error,
        route,
      };
      assert.match(formatQueueLine(queued, NOW_MS), /^(?:[!-{}~]*\|){13}[ -~]*$/u);
      assert.match(formatEnvelope(queued, NOW_MS), /^(?:[a-z-]+: [ -~]+\n)+$/u);
      const tally = new Tally("error");
      tally.add(queued, NOW_MS);
      for (const { line } of tally.rows()) assert.match(line, /^ +[0-9a-z][ -~]*$/u);
    }),
  );
});
