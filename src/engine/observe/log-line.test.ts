import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { ABSENT, found } from "#base/lookup.ts";
import type { DeliveryResult } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import type { Event } from "#model/events.ts";
import { formatEvent, MAX_LINE_LENGTH } from "./log-line.ts";

const ATTEMPT = { beganAtMs: 0, tookMs: 0, number: 1, nextTryAtMs: 0 };
const SESSION = "1c3a5e7f90b2d4f6";

const MESSAGE: Message = {
  msgid: "5f2a1b3c",
  acceptedAtMs: 0,
  reversePath: "ann@example.org",
  origin: {
    kind: "smtp",
    address: "192.0.2.7",
    hostname: "mx.example.org",
    helo: "mx.example.org",
    fcrdns: "fail",
    tag: "",
    username: "",
    tls: undefined,
  },
  textBytes: 812,
  is8bit: false,
  terms: undefined,
};

const RELAYED: Envelope = {
  evpid: "5f2a1b3c00000001",
  forwardPath: "bob@example.net",
  destination: "bob@example.net",
  action: "outbound",
  transport: { kind: "mta" },
  rule: "smtpd.conf:9",
  trail: [],
  terms: undefined,
  ttlMs: 1,
};

const LOCAL: Envelope = {
  ...RELAYED,
  evpid: "5f2a1b3c00000002",
  forwardPath: "info@example.com",
  destination: "cleo@example.com",
  action: "local_users",
  transport: { kind: "mda", user: "cleo", extension: "" },
  rule: "smtpd.conf:8",
  trail: [],
  terms: undefined,
};

function result(over: Partial<DeliveryResult>): DeliveryResult {
  return {
    evpid: RELAYED.evpid,
    outcome: "delivered",
    status: "2.0.0",
    diagnostic: "250 2.0.0 Queued",
    remote: "mx.example.net [198.51.100.4]",
    ...over,
  };
}

const CONNECTED = {
  kind: "smtp-connected",
  session: SESSION,
  hostname: "mx.example.org",
  user: undefined,
} as const;

const CASES: readonly (readonly [event: Event, ...lines: readonly string[]])[] = [
  [
    { ...CONNECTED, address: "192.0.2.7" },
    "info 1c3a5e7f90b2d4f6 smtp connected address=192.0.2.7 host=mx.example.org",
  ],
  [
    { ...CONNECTED, address: "192.0.2.7", hostname: "<unknown>" },
    "info 1c3a5e7f90b2d4f6 smtp connected address=192.0.2.7 host=<unknown>",
  ],
  [
    { ...CONNECTED, address: "local", user: { uid: 1000, name: found("anna") } },
    "info 1c3a5e7f90b2d4f6 smtp connected address=local host=mx.example.org user=anna uid=1000",
  ],
  [
    { ...CONNECTED, address: "local", user: { uid: 4242, name: ABSENT } },
    "info 1c3a5e7f90b2d4f6 smtp connected address=local host=mx.example.org uid=4242",
  ],
  [
    {
      kind: "smtp-failed-command",
      session: SESSION,
      command: "RCPT TO:<x@\u001b[31m>",
      reply: "550 5.7.1 Relaying denied",
      why: "",
      limit: undefined,
    },
    'info 1c3a5e7f90b2d4f6 smtp failed-command command="RCPT TO:<x@\\033[31m>" result="550 5.7.1 Relaying denied"',
  ],
  [
    {
      kind: "smtp-failed-command",
      session: SESSION,
      command: "auth plain AGFubgBzZWNyZXQ=",
      reply: "535 5.7.8 Authentication failed",
      why: "",
      limit: undefined,
    },
    'info 1c3a5e7f90b2d4f6 smtp failed-command command="AUTH PLAIN (...)" result="535 5.7.8 Authentication failed"',
  ],
  [
    {
      kind: "smtp-failed-command",
      session: SESSION,
      command: "RCPT TO:<team@example.org>",
      reply: "451 4.3.0 Temporary failure: <team@example.org>",
      why: 'needs allow-exec: |cat "\u0007"',
      limit: undefined,
    },
    'info 1c3a5e7f90b2d4f6 smtp failed-command command="RCPT TO:<team@example.org>" result="451 4.3.0 Temporary failure: <team@example.org>" reason="needs allow-exec: |cat \\"\\007\\""',
  ],
  [
    { kind: "smtp-proxied", session: SESSION, address: "192.0.2.80" },
    "info 1c3a5e7f90b2d4f6 smtp event=proxy address=192.0.2.80",
  ],
  [
    {
      kind: "smtp-tls",
      session: SESSION,
      version: "TLSv1.3",
      cipher: "TLS_AES_256_GCM_SHA384",
      bits: 256,
      serverName: "",
      identity: "mx.example.org",
      resumed: true,
    },
    "info 1c3a5e7f90b2d4f6 smtp tls ciphers=TLSv1.3:TLS_AES_256_GCM_SHA384:256 pki=mx.example.org resumed",
  ],
  [
    {
      kind: "smtp-cert-check",
      session: SESSION,
      verified: false,
      why: "",
      fingerprint: "SHA256:ab",
      keyFingerprint: "SHA256:cd",
    },
    'info 1c3a5e7f90b2d4f6 smtp cert-check result="unchecked" fingerprint="SHA256:ab" key="SHA256:cd"',
  ],
  [
    {
      kind: "smtp-authentication",
      session: SESSION,
      mechanism: "PLAIN",
      user: "ann",
      result: "permfail",
    },
    "info 1c3a5e7f90b2d4f6 smtp authentication user=ann result=permfail mechanism=PLAIN",
  ],
  [
    { kind: "smtp-bad-input", session: SESSION, reply: "500 5.5.2 Line too long" },
    'info 1c3a5e7f90b2d4f6 smtp bad-input result="500 5.5.2 Line too long"',
  ],
  [
    {
      kind: "smtp-message",
      session: SESSION,
      protocol: "ESMTP",
      message: MESSAGE,
      envelopes: [RELAYED, LOCAL],
    },
    "info 1c3a5e7f90b2d4f6 smtp message msgid=5f2a1b3c size=812 nrcpt=2 proto=ESMTP",
    "info 1c3a5e7f90b2d4f6 smtp envelope evpid=5f2a1b3c00000001 from=<ann@example.org> to=<bob@example.net> action=outbound rule=smtpd.conf:9",
    "info 1c3a5e7f90b2d4f6 smtp envelope evpid=5f2a1b3c00000002 from=<ann@example.org> to=<info@example.com> action=local_users rule=smtpd.conf:8",
  ],
  [
    {
      kind: "smtp-failed-command",
      session: SESSION,
      command: "RCPT TO:<n1001@example.org>",
      reply: "452 4.5.3 Too many recipients",
      why: "",
      limit: "recipients",
    },
    'info 1c3a5e7f90b2d4f6 smtp failed-command command="RCPT TO:<n1001@example.org>" result="452 4.5.3 Too many recipients" limit=recipients',
  ],
  [
    { kind: "smtp-disconnected", session: SESSION, reason: "timeout", limit: "command-time" },
    "info 1c3a5e7f90b2d4f6 smtp disconnected reason=timeout limit=command-time",
  ],
  [
    { kind: "smtp-turned-away", limit: "connection-rate", address: "192.0.2.9", clients: 17 },
    "info 0000000000000000 smtp turned-away address=192.0.2.9 limit=connection-rate clients=17",
  ],
  [
    { kind: "smtp-stress", state: "begins", sessions: 9831 },
    "warn warn: smtp stress begins sessions=9831",
  ],
  [
    { kind: "smtp-disconnected", session: SESSION, reason: "quit", limit: undefined },
    "info 1c3a5e7f90b2d4f6 smtp disconnected reason=quit",
  ],
  [
    { kind: "smtp-disconnected", session: SESSION, reason: "io-error: reset", limit: undefined },
    'info 1c3a5e7f90b2d4f6 smtp disconnected reason="io-error: reset"',
  ],
  [
    {
      kind: "mta-connecting",
      session: SESSION,
      address: "smtp://198.51.100.4:25",
      host: "mx.example.net",
    },
    "info 1c3a5e7f90b2d4f6 mta connecting address=smtp://198.51.100.4:25 host=mx.example.net",
  ],
  [{ kind: "mta-connected", session: SESSION }, "info 1c3a5e7f90b2d4f6 mta connected"],
  [
    { kind: "mta-error", session: SESSION, reason: "Connection refused" },
    'info 1c3a5e7f90b2d4f6 mta error reason="Connection refused"',
  ],
  [
    { kind: "mta-rejects-all", session: SESSION },
    "info 1c3a5e7f90b2d4f6 mta host-rejects-all-mails",
  ],
  [
    {
      kind: "route-disabled",
      source: "",
      address: "198.51.100.4",
      host: "mx.example.net",
      forMs: 15_000,
      reason: "Connection refused (at CONNECT)",
    },
    'info smtp-out: Disabling route [] <-> 198.51.100.4 (mx.example.net) for 15s reason="Connection refused (at CONNECT)"',
  ],
  [
    {
      kind: "route-enabled",
      source: "192.0.2.7",
      address: "198.51.100.4",
      host: "mx.example.net",
    },
    "info smtp-out: Enabling route 192.0.2.7 <-> 198.51.100.4 (mx.example.net)",
  ],
  [
    { kind: "route-lacking", lack: "no-mx", destination: "example.net" },
    "info smtp-out: No MX found for [connector:[]->[relay:example.net]]",
  ],
  [
    { kind: "route-lacking", lack: "family-mismatch", destination: "example.net" },
    "info smtp-out: Address family mismatch on [connector:[]->[relay:example.net]]",
  ],
  [
    { kind: "route-lacking", lack: "no-valid-route", destination: "two\nlines" },
    'info smtp-out: No valid route for [connector:[]->[relay:"two\\nlines"]]',
  ],
  [
    { kind: "mta-closing", session: SESSION, reason: "tls-failure" },
    "info 1c3a5e7f90b2d4f6 mta closing reason=tls-failure",
  ],
  [
    {
      kind: "mta-tls",
      session: SESSION,
      policy: "opportunistic",
      version: "TLSv1.3",
      cipher: "TLS_AES_256_GCM_SHA384",
      bits: 256,
      serverName: "mx.example.net",
      resumed: false,
    },
    "info 1c3a5e7f90b2d4f6 mta tls ciphers=TLSv1.3:TLS_AES_256_GCM_SHA384:256 policy=opportunistic sni=mx.example.net",
  ],
  [
    {
      kind: "mta-cert-check",
      session: SESSION,
      verified: true,
      why: "",
      fingerprint: "SHA256:ab",
      keyFingerprint: "SHA256:cd",
    },
    'info 1c3a5e7f90b2d4f6 mta cert-check result="valid" fingerprint="SHA256:ab" key="SHA256:cd"',
  ],
  [
    { kind: "mta-disconnected", session: SESSION, reason: "quit", messages: 3 },
    "info 1c3a5e7f90b2d4f6 mta disconnected reason=quit messages=3",
  ],
  [
    {
      kind: "delivery",
      message: MESSAGE,
      envelope: RELAYED,
      result: result({ over: { session: SESSION, source: "192.0.2.25" } }),
      delayMs: 61_000,
      attempt: ATTEMPT,
    },
    'info 1c3a5e7f90b2d4f6 mta delivery evpid=5f2a1b3c00000001 from=<ann@example.org> to=<bob@example.net> rcpt=<-> source="192.0.2.25" relay="198.51.100.4 (mx.example.net)" delay=1m1s result="Ok" stat="250 2.0.0 Queued"',
  ],
  [
    {
      kind: "delivery",
      message: MESSAGE,
      envelope: RELAYED,
      result: result({
        outcome: "deferred",
        remote: "/run/next.sock",
        over: { session: SESSION, source: "" },
      }),
      delayMs: 0,
      attempt: ATTEMPT,
    },
    'info 1c3a5e7f90b2d4f6 mta delivery evpid=5f2a1b3c00000001 from=<ann@example.org> to=<bob@example.net> rcpt=<-> source="-" relay="/run/next.sock" delay=0s result="TempFail" stat="250 2.0.0 Queued"',
  ],
  [
    {
      kind: "delivery",
      message: { ...MESSAGE, reversePath: "" },
      envelope: LOCAL,
      result: result({
        evpid: LOCAL.evpid,
        outcome: "deferred",
        status: "4.2.2",
        diagnostic: "Mailbox full",
      }),
      delayMs: 0,
      attempt: ATTEMPT,
    },
    'info 0000000000000000 mda delivery evpid=5f2a1b3c00000002 from=<> to=<cleo@example.com> rcpt=<info@example.com> user=cleo delay=0s result=TempFail stat="Mailbox full"',
  ],
  [
    {
      kind: "delivery",
      message: MESSAGE,
      envelope: RELAYED,
      result: result({ outcome: "loop", status: "5.4.6", diagnostic: "", remote: "" }),
      delayMs: 0,
      attempt: ATTEMPT,
    },
    'info 0000000000000000 mta delivery evpid=5f2a1b3c00000001 from=<ann@example.org> to=<bob@example.net> rcpt=<-> source="-" relay="example.net" delay=0s result="PermFail" stat="5.4.6"',
  ],
  [
    {
      kind: "expired",
      message: MESSAGE,
      envelope: RELAYED,
      delayMs: 345_600_000,
      diagnostic: "Envelope expired",
    },
    'info relay: Expire for 5f2a1b3c00000001: from=<ann@example.org>, to=<bob@example.net>, rcpt=<->, delay=4d, stat="Envelope expired"',
  ],
  [
    {
      kind: "removed",
      message: MESSAGE,
      envelope: LOCAL,
      delayMs: 5_000,
      diagnostic: "Removed by administrator",
    },
    'info delivery: Remove for 5f2a1b3c00000002: from=<ann@example.org>, to=<cleo@example.com>, rcpt=<info@example.com>, delay=5s, stat="Removed by administrator"',
  ],
  [
    { kind: "bounce", message: MESSAGE, msgid: "77777777", action: "delayed" },
    "info bounce msgid=77777777 about=5f2a1b3c to=<ann@example.org> action=delayed",
  ],
  [
    {
      kind: "bounce-dropped",
      message: MESSAGE,
      why: "no rule for it",
      action: "failed",
      limit: undefined,
    },
    'warn bounce dropped about=5f2a1b3c to=<ann@example.org> action=failed reason="no rule for it"',
  ],
  [
    {
      kind: "bounce-dropped",
      message: MESSAGE,
      why: "too many",
      action: "delayed",
      limit: "notices-per-sender",
    },
    'warn bounce dropped about=5f2a1b3c to=<ann@example.org> action=delayed reason="too many" limit=notices-per-sender',
  ],
  [
    { kind: "spool-damage", file: "00000003.log", offset: 4096, reason: "Checksum" },
    'error spool damage file=00000003.log offset=4096 reason="Checksum"',
  ],
  [
    { kind: "spool-trouble", what: "sync", cause: "EIO" },
    'error spool trouble what="sync" cause="EIO"',
  ],
  [
    { kind: "spool-progress", step: "messages", done: 300_000, of: 1_000_000 },
    "info spool progress step=messages done=300000 of=1000000",
  ],
  [
    { kind: "spool-recovered", messages: 2, envelopes: 3, tookMs: 12.4 },
    "info spool recovered messages=2 envelopes=3 took=12ms",
  ],
  [
    { kind: "queued", message: MESSAGE, envelopes: [RELAYED, LOCAL], pieces: [] },
    "debug debug: queued msgid=5f2a1b3c from=<ann@example.org> envelopes=2",
  ],
  [
    {
      kind: "waited",
      evpids: [RELAYED.evpid, LOCAL.evpid],
      waitedMs: 62_000,
      reason: "limit mta max-conn-per-host",
    },
    `debug debug: waited evpid=${RELAYED.evpid},${LOCAL.evpid} for=1m2s reason="limit mta max-conn-per-host"`,
  ],
  [
    { kind: "ordered", evpids: Array(34).fill(LOCAL.evpid), order: "paused" },
    `debug debug: paused evpid=${Array(32).fill(LOCAL.evpid).join(",")} more=2`,
  ],
  [{ kind: "notice", text: "smtp paused" }, "info info: smtp paused"],
  [{ kind: "warning", text: "two\nlines" }, "warn warn: two\\nlines"],
  [{ kind: "error", text: "gone" }, "error error: gone"],
];

describe("the log line of", () => {
  for (const [index, [event, ...lines]] of CASES.entries()) {
    test(`case ${index}, ${event.kind}, is as OpenSMTPD's tools expect it`, () => {
      const made = formatEvent(event).map(({ level, text }) => `${level} ${text}`);
      assert.deepEqual(made, lines);
    });
  }
});

/** What a word of test/cases/log/opensmtpd.txt stands for. */
const PLACEHOLDERS: ReadonlyMap<string, string> = new Map([
  ["ID", "[0-9a-f]{16}"],
  ["EVPID", "[0-9a-f]{16}"],
  ["MSGID", "[0-9a-f]{8}"],
  ["IP", "(?:[0-9a-f.:]+|local)"],
  ["N", "\\d+"],
  ["D", "(?:\\d+[dhms])+"],
  ["WORD", '[^ "]+'],
  ["VALUE", '(?:[^ "]+|"(?:[^"\\\\]|\\\\.)*")'],
  ["TEXT", ".*"],
]);

/** Of the whole line, with what may stand behind the shape. */
function patternOf(shape: string): RegExp {
  const source = shape
    .replaceAll(/[[\]().]/g, "\\$&")
    .replaceAll(/[\w-]+(?:\|[\w-]+)+/g, "(?:$&)")
    .replaceAll(/(?<![A-Za-z|])[A-Z]+(?![A-Za-rt-z|])/g, (word) => PLACEHOLDERS.get(word) ?? word);
  return new RegExp(`^${source}(?: .*)?$`);
}

/** The words before the first field, from which tools know a line. */
function startOf(line: string): string {
  return line.replace(/ [a-z-]+=.*$/, "").replace(/^(?:ID|[0-9a-f]{16}) /, "ID ");
}

const SHAPES = readFileSync(
  new URL("../../../test/cases/log/opensmtpd.txt", import.meta.url),
  "utf8",
)
  .split("\n")
  .filter((line) => /^[^#]/.test(line));
const LINES = CASES.flatMap(([, ...lines]) => lines.map((line) => line.replace(/^[a-z]+ /, "")));

describe("the line of OpenSMTPD that log tools know", () => {
  for (const shape of SHAPES) {
    test(`begins each of ours of that kind: ${shape}`, () => {
      const pattern = patternOf(shape);
      assert.ok(
        LINES.some((line) => pattern.test(line)),
        `one of ours is as ${pattern.source}`,
      );
      for (const line of LINES) if (startOf(line) === startOf(shape)) assert.match(line, pattern);
    });
  }
});

test("a line is bounded however long its values are", () => {
  const long = "x".repeat(100_000);
  for (const event of [
    { kind: "notice", text: long },
    {
      kind: "smtp-failed-command",
      session: long,
      command: long,
      reply: long,
      why: long,
      limit: undefined,
    },
  ] as const) {
    for (const { text } of formatEvent(event)) {
      assert.ok(text.length <= MAX_LINE_LENGTH + 3, `${text.length} characters`);
    }
  }
});
