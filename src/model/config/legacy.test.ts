/** Lines of OpenSMTPD before 6.4, and what to write today. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parsedText } from "#test/support/config-of.ts";
import { formatComplaint } from "./complaint.ts";

/** The lines that the only complaint about `old` proposes. */
function proposal(old: string): readonly string[] {
  const { complaints } = parsedText(`${old}\n`);
  assert.equal(complaints.length, 1, complaints.map(formatComplaint).join("\n"));
  const [head, ...lines] = complaints[0]?.hint.split("\n") ?? [];
  assert.equal(head, "write:");
  return lines.map((line) => line.trim());
}

/** What the proposals below name. */
const DECLARED = `
  compat none
  table list { a.example }
  table "senders" { "@example.org" }
  table aliases { root = alice }
  table users { alice = "1000:1000:/home/alice" }
  table secrets { label = "user:password" }
  table names { 192.0.2.1 = out.example.org }
  pki mail cert "/c" key "/k"
  ca root cert "/ca"
  listen on lo
  match reject
`;

const cases: readonly (readonly [old: string, ...lines: readonly string[]])[] = [
  ["expire 4d", "queue ttl 4d"],
  ["bounce-warn 1h, 6h", "bounce warn-interval 1h, 6h"],
  ["max-message-size 35M", "smtp max-message-size 35M"],
  ['ciphers "HIGH:!aNULL"', 'smtp ciphers "HIGH:!aNULL"'],
  ['subaddressing-delimiter "-"', 'smtp sub-addr-delim "-"'],
  ["limit session max-rcpt 9", "smtp limit max-rcpt 9"],
  ["limit mta for domain a.example inet4", "mta limit for domain a.example inet4"],
  ["limit mda max-session 4", "mda limit max-session 4"],
  ["limit scheduler max-inflight 9", "scheduler limit max-inflight 9"],
  [
    "accept for local alias <aliases> deliver to mbox",
    "action line1 mbox alias <aliases> forward-file",
    "match for local action line1",
  ],
  [
    'accept from any for domain <list> virtual <aliases> deliver to maildir "~/Mail" expire 2d',
    'action line1 maildir "~/Mail" virtual <aliases> forward-file ttl 2d',
    "match from any for domain <list> action line1",
  ],
  [
    "accept from ! source 192.0.2.0/24 ! tagged IN sender ! <senders> for any deliver to maildir",
    "action line1 maildir forward-file",
    'match !from src 192.0.2.0/24 !tag IN !mail-from <"senders"> for any action line1',
  ],
  [
    'accept for domain { a.example "*.b.example" } recipient <list> deliver to mda "procmail" as vmail',
    'action line1 mda "procmail" user vmail forward-file',
    'match for domain { a.example, "*.b.example" } rcpt-to <list> action line1',
  ],
  [
    'accept for any deliver to lmtp "localhost:24" rcpt-to userbase <users>',
    'action line1 lmtp "localhost:24" rcpt-to userbase <users> forward-file',
    "match for any action line1",
  ],
  ["accept for any relay", "action line1 relay", "match for any action line1"],
  [
    'accept for any relay via "tls+auth://label@smtp.example.org:587" auth <secrets> verify',
    "action line1 relay host smtp+tls://label@smtp.example.org:587 auth <secrets> tls",
    "match for any action line1",
  ],
  [
    "accept for any relay via secure://a.example source 192.0.2.1 hostname h hostnames <names>",
    "action line1 relay host smtps://a.example src 192.0.2.1 helo h helo-src <names>",
    "match for any action line1",
  ],
  [
    "accept for any relay backup mx.example.org tls verify pki mail ca root",
    "action line1 relay backup mx mx.example.org tls pki mail ca root",
    "match for any action line1",
  ],
  [
    "reject from any sender <senders> for any",
    'match from any mail-from <"senders"> for any reject',
  ],
];

for (const [old, ...lines] of cases) {
  test(`'${old}' is answered with what to write today, which is right`, () => {
    assert.deepEqual(proposal(old), lines);
    const { config, complaints } = parsedText(DECLARED + lines.join("\n"));
    assert.ok(config, complaints.map(formatComplaint).join("\n"));
  });
}

for (const old of [
  "accept",
  "accept for any",
  "accept from source",
  "accept for any deliver to nowhere",
  "accept for any relay via",
  "accept from <list relay",
  "accept for any relay frobnicate",
]) {
  test(`'${old}', which nobody can translate, is refused as old`, () => {
    const { config, complaints } = parsedText(`${old}\n`);
    assert.equal(config, undefined);
    assert.match(complaints[0]?.message ?? "", /before 6\.4/u);
    assert.doesNotMatch(complaints[0]?.hint ?? "", /write:/u);
  });
}

test("words that are new today are macros' names as before", () => {
  const { config, complaints } = parsedText(`accept = "relay"\n${DECLARED}\naction x $accept`);
  assert.ok(config, complaints.map(formatComplaint).join("\n"));
});
