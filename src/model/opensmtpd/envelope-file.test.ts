import assert from "node:assert/strict";
import { test } from "node:test";
import { formatEnvelopeFile, type OpenSmtpdEnvelope, readEnvelopeFile } from "./envelope-file.ts";
import { exportEnvelope, importEnvelope, importMessage } from "./exchange.ts";

/** In the order and the form in which OpenSMTPD 7 writes it. */
const FILE = `version: 3
dispatcher: local_mail
tag: lan
type: mda
smtpname: mx.example.org
helo: client.example.com
hostname: client.example.com
username: ann
errorline: 451 4.7.1 Greylisted: try again
sockaddr: [2001:db8::7]
sender: bob@example.com
rcpt: ann+work@example.org
dest: ann@example.org
ctime: 1767225600
last-try: 1767229200
last-bounce: 0
ttl: 0
retry: 3
flags: authenticated enqueued
dsn-notify: 6
dsn-ret: FULL
dsn-envid: QQ314159
dsn-orcpt: rfc822;ann+2Bwork@example.org
esc-class: 4
esc-code: 71
mda-subaddress: work
mda-user: ann
`;
const TTL_MS = 345_600_000;
const EVPID = "00c0ffee00000001";

function theirs(file = FILE): OpenSmtpdEnvelope {
  const reading = readEnvelopeFile(file);
  if (reading.kind === "refused") throw new Error(reading.why);
  return reading.envelope;
}

test("an envelope of OpenSMTPD becomes one of ours, with what it waited for", () => {
  assert.deepEqual(importEnvelope(EVPID, theirs(), TTL_MS), {
    envelope: {
      evpid: EVPID,
      forwardPath: "ann+work@example.org",
      terms: {
        notify: ["failure", "delay"],
        originalRecipient: "rfc822;ann+2Bwork@example.org",
      },
      destination: "ann@example.org",
      action: "local_mail",
      transport: { kind: "mda", user: "ann", extension: "work" },
      rule: "imported",
      trail: [],
      ttlMs: TTL_MS,
    },
    progress: {
      retryCount: 3,
      lastTryAtMs: 1_767_229_200_000,
      warnedMs: 0,
      status: "4.7.1",
      diagnostic: "451 4.7.1 Greylisted: try again",
    },
  });
  assert.deepEqual(importMessage("00c0ffee", theirs(), { bytes: 12, is8bit: true }), {
    msgid: "00c0ffee",
    acceptedAtMs: 1_767_225_600_000,
    reversePath: "bob@example.com",
    origin: {
      kind: "smtp",
      address: "2001:db8::7",
      hostname: "client.example.com",
      fcrdns: "error",
      helo: "client.example.com",
      tag: "lan",
      username: "ann",
      tls: undefined,
    },
    textBytes: 12,
    is8bit: true,
    terms: {
      isBinary: false,
      utf8: false,
      tls: "by-policy",
      returns: "full",
      envelopeId: "QQ314159",
      deliverBy: undefined,
      holdUntilMs: 0,
      priority: 0,
    },
  });
});

test("what was imported is exported as it was, with the time to live that it got", () => {
  const imported = importEnvelope(EVPID, theirs(), TTL_MS);
  assert.ok(typeof imported !== "string");
  const message = importMessage("00c0ffee", theirs(), { bytes: 12, is8bit: true });
  const { envelope, progress } = imported;
  const exported = exportEnvelope(message, envelope, progress, "mx.example.org");
  assert.equal(
    formatEnvelopeFile(exported),
    FILE.replace("ttl: 0", "ttl: 345600").replace(" enqueued", ""),
  );
});

const NOT_TAKEN: readonly (readonly [what: string, file: string, why: RegExp])[] = [
  ["another version", FILE.replace("version: 3", "version: 2"), /^its version is 2, not 3$/],
  [
    "a version that would turn a terminal's text around",
    FILE.replace("version: 3", "version: \u202e3"),
    /^its version is unreadable, not 3$/,
  ],
  ["no version", FILE.replace("version: 3\n", ""), /^its version is missing/],
  ["an unknown field", `${FILE}smime: yes\n`, /^line 28 has an unknown field$/],
  ["a field twice", `${FILE}retry: 4\n`, /^line 28 has retry once more$/],
  ["a line that is none", FILE.replace("tag: ", "tag"), /^line 3 is not 'field: value'$/],
  ["a torn end", FILE.slice(0, -3), /^its last line has no end$/],
  ["a number that is none", FILE.replace("retry: 3", "retry: -3"), /^its retry cannot be read$/],
  ["an unknown type", FILE.replace("type: mda", "type: mdb"), /^its type cannot be read$/],
  ["an address without @", FILE.replace("dest: ann@", "dest: ann"), /^its dest cannot be read$/],
  ["control characters", FILE.replace("lan", "l\u0007n"), /^line 3 is not/],
  ["an unknown flag", FILE.replace("enqueued", "spam"), /^its flags cannot be read$/],
  ["too much of it", `${FILE}tag: ${"x".repeat(70_000)}\n`, /^it is too long$/],
  ["a name of Object", `${FILE}constructor: x\n`, /^line 28 has an unknown field$/],
  ["nothing", "", /^its last line has no end$/],
];

for (const [what, file, why] of NOT_TAKEN) {
  test(`an envelope file with ${what} is refused, and the reason named`, () => {
    const reading = readEnvelopeFile(file);
    assert.match(reading.kind === "refused" ? reading.why : "taken", why);
  });
}

test("bounces that are not written, and commands of aliases, are not taken", () => {
  const bounce = theirs(`${FILE.replace("type: mda", "type: bounce")}bounce-type: failed\n`);
  assert.equal(importEnvelope(EVPID, bounce, TTL_MS), "it is a bounce that is not written yet");
  const command = theirs(`${FILE}mda-exec: /usr/bin/vacation ann\n`);
  const refused = importEnvelope(EVPID, command, TTL_MS);
  assert.equal(refused, "it is for a command of an alias or forward file");
});

test("an original recipient without a type gets one, whose text is encoded", () => {
  const bare = FILE.replace("rfc822;ann+2Bwork@example.org", "ann+work@example.org");
  const imported = importEnvelope(EVPID, theirs(bare), TTL_MS);
  assert.ok(typeof imported !== "string");
  assert.equal(imported.envelope.terms?.originalRecipient, "rfc822;ann+2Bwork@example.org");
});

test("a HELO with a line of its own stays in its line", () => {
  const exported = formatEnvelopeFile({ ...theirs(), helo: "x\nmda-exec: rm -rf /" });
  assert.match(exported, /^helo: x\?mda-exec: rm -rf \/$/mu);
});
