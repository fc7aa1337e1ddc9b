/** Messages, envelopes and texts for tests of what delivers them. */
import type { DeliveryTask, MessageText } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";

/** A text that comes in `pieces` chunks. */
export function textOf(text: string, pieces = 1): MessageText {
  const bytes = Buffer.from(text, "latin1");
  const step = Math.max(1, Math.ceil(bytes.length / pieces));
  return {
    bytes: bytes.length,
    async *chunks() {
      for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
    },
  };
}

export function messageOf(text: MessageText, changes: Partial<Message> = {}): Message {
  return {
    msgid: "0a0b0c0d",
    acceptedAtMs: 0,
    reversePath: "sender@client.example",
    origin: {
      kind: "smtp",
      address: "192.0.2.99",
      hostname: "client.example",
      helo: "client.example",
      fcrdns: "fail",
      tag: "",
      username: "",
      tls: undefined,
    },
    textBytes: text.bytes,
    is8bit: false,
    terms: undefined,
    ...changes,
  };
}

export function envelopeOf(destination: string, changes: Partial<Envelope> = {}): Envelope {
  return {
    evpid: `0a0b0c0d${Buffer.from(destination).toString("hex").padStart(8, "0").slice(-8)}`,
    forwardPath: destination,
    destination,
    action: "out",
    transport: { kind: "mta" },
    rule: "smtpd.conf:1",
    trail: [],
    terms: undefined,
    ttlMs: 1000,
    ...changes,
  };
}

/** A task with an envelope for each of `destinations`. */
export function taskOf(
  destinations: readonly string[],
  text: string,
  changes: Partial<Envelope> = {},
): DeliveryTask {
  const messageText = textOf(text);
  const envelopes = destinations.map((destination, index) =>
    envelopeOf(destination, { evpid: `0a0b0c0d${String(index + 1).padStart(8, "0")}`, ...changes }),
  );
  return { message: messageOf(messageText), envelopes, text: messageText };
}
