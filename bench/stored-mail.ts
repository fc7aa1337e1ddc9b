/** A message and an envelope as most are: for what measures the spool. */
import type { Envelope, Message } from "#model/envelope.ts";

export function storedEnvelope(msgid: string): Envelope {
  return {
    evpid: `${msgid}00000001`,
    forwardPath: "recipient@example.org",
    destination: "recipient@example.org",
    action: "outbound",
    transport: { kind: "mta" },
    rule: "/etc/mail/smtpd.conf:12",
    trail: [],
    terms: undefined,
    ttlMs: 345_600_000,
  };
}

export function storedMessage(msgid: string, textBytes: number): Message {
  return {
    msgid,
    acceptedAtMs: Date.now(),
    reversePath: "sender@example.com",
    origin: {
      kind: "smtp",
      address: "192.0.2.1",
      hostname: "client.example.com",
      helo: "client.example.com",
      fcrdns: "fail",
      tag: "",
      username: "",
      tls: undefined,
    },
    textBytes,
    is8bit: false,
    terms: undefined,
  };
}
