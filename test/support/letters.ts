/** Messages and envelopes for tests that only need some. */
import type { DeliveryTask, MessageText } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";

export function messageOf(msgid: string, textBytes = 0): Message {
  return {
    msgid,
    acceptedAtMs: 1,
    reversePath: "a@x.example",
    origin: originOf("192.0.2.1", "h"),
    textBytes,
    is8bit: false,
    terms: undefined,
  };
}

/** A client that is nobody in particular. @param hostname its EHLO, too. */
export function originOf(address: string, hostname: string): Message["origin"] {
  return {
    kind: "smtp",
    address,
    hostname,
    helo: hostname,
    fcrdns: "fail",
    tag: "",
    username: "",
    tls: undefined,
  };
}

/** For `user` by the action `action`. */
export function localEnvelope(msgid: string, action: string, user: string): Envelope {
  return {
    evpid: `${msgid}00000001`,
    forwardPath: `${user}@y.example`,
    destination: `${user}@y.example`,
    action,
    transport: { kind: "mda", user, extension: "" },
    rule: "smtpd.conf:1",
    trail: [],
    terms: undefined,
    ttlMs: 3_600_000,
  };
}

export function textOf(bytes: Uint8Array): MessageText {
  return {
    bytes: bytes.length,
    async *chunks() {
      yield bytes;
    },
  };
}

/** One envelope and a text of five bytes. */
export function taskOf(envelope: Envelope): DeliveryTask {
  const text = textOf(Buffer.from("hello"));
  const msgid = envelope.evpid.slice(0, 8);
  return { message: messageOf(msgid, text.bytes), envelopes: [envelope], text };
}
