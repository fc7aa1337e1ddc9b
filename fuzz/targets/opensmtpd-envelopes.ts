/** Envelope files of OpenSMTPD: what is taken is written and read again as it was. */
import assert from "node:assert/strict";
import { formatEnvelopeFile, readEnvelopeFile } from "#model/opensmtpd/envelope-file.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

const FILE: string = [
  "version: 3",
  "dispatcher: out",
  "type: mta",
  "smtpname: mx.example.org",
  "helo: client.example.com",
  "hostname: client.example.com",
  "errorline: 451 later",
  "sockaddr: 192.0.2.7",
  "sender: @",
  "rcpt: a@example.org",
  "dest: a@example.org",
  "ctime: 1767225600",
  "last-try: 0",
  "last-bounce: 0",
  "ttl: 345600",
  "retry: 2",
  "flags: authenticated internal",
  "dsn-ret: HDRS",
  "esc-class: 4",
  "esc-code: 71",
  "",
].join("\n");

export const opensmtpdEnvelopes: FuzzTarget = {
  name: "opensmtpd-envelopes",
  words: ["\n", ": ", "mda-user: ", "mda-exec: ", "dsn-notify: ", "bounce-type: ", "version: 3\n"],
  seeds: () => [FILE, FILE.replace("type: mta", "type: mda\nmda-user: ann")],
  run: (input) => {
    const reading = readEnvelopeFile(input.toString("utf8"));
    if (reading.kind === "refused") {
      assert.match(reading.why, /^[ -~]+$/u);
      return;
    }
    assert.deepEqual(readEnvelopeFile(formatEnvelopeFile(reading.envelope)), reading);
  },
};
