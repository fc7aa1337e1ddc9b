/** Messages, envelopes and results for tests of the spool: short to write, whole in shape. */
import type { DeliveryResult } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import type { SpoolEntry } from "#engine/spool/spool.ts";

const TRAIL = [
  { by: "alias", source: "aliases", key: "team", rule: "smtpd.conf:9" },
  { by: "include", source: "/etc/mail/team", key: "", rule: "smtpd.conf:9" },
] as const;

export interface Mail {
  readonly message: Message;
  readonly envelopes: readonly Envelope[];
  readonly text: Uint8Array;
}

/** A message that differs from every other one in each byte of its text. */
export function mail(
  number: number,
  shape: { readonly textBytes?: number; readonly recipients?: number; readonly bounce?: true } = {},
): Mail {
  const msgid = number.toString(16).padStart(8, "0");
  const text = new Uint8Array(shape.textBytes ?? 700);
  for (let at = 0; at < text.length; at++) text[at] = (number * 131 + at * 7 + (at >> 8)) & 0xff;
  const envelopes: Envelope[] = [];
  for (let at = 1; at <= (shape.recipients ?? 1); at++) {
    envelopes.push({
      evpid: msgid + at.toString(16).padStart(8, "0"),
      forwardPath: `user${at}@example.org`,
      destination: `user${at}@example.org`,
      action: "relay",
      transport: at % 2 === 0 ? { kind: "mda", user: "ünal", extension: "tag" } : { kind: "mta" },
      rule: "smtpd.conf:12",
      trail: at % 3 === 0 ? TRAIL : [],
      terms: undefined,
      ttlMs: 345_600_000,
    });
  }
  const message: Message = {
    msgid,
    acceptedAtMs: 1_767_225_600_000 + number,
    reversePath: shape.bounce === true ? "" : "sender@example.com",
    origin: {
      kind: shape.bounce === true ? "internal" : "smtp",
      address: "192.0.2.7",
      hostname: "client.example.com",
      helo: "client.example.com",
      fcrdns: "fail",
      tag: "",
      username: "",
      tls: undefined,
    },
    textBytes: text.length,
    is8bit: false,
    terms: undefined,
  };
  return { message, envelopes, text };
}

/** The nth envelope id of a message, counted from 1. */
export function evpidOf({ message }: Mail, at = 1): string {
  return message.msgid + at.toString(16).padStart(8, "0");
}

/** The entry for a text that arrived in two pieces. */
export function accepted({ message, envelopes, text }: Mail): SpoolEntry {
  const middle = text.length >> 1;
  const chunks = [text.subarray(0, middle), text.subarray(middle)];
  return { kind: "accepted", message, envelopes, text: chunks };
}

export function acceptedAsBlob({ message, envelopes }: Mail): SpoolEntry {
  return { kind: "accepted", message, envelopes, text: "blob" };
}

export function delivered(evpid: string): SpoolEntry {
  return { kind: "delivered", evpid, atMs: 5, result: result(evpid, "delivered", "2.0.0") };
}

export function failed(evpid: string): SpoolEntry {
  return { kind: "failed", evpid, atMs: 6, result: result(evpid, "failed", "5.1.1") };
}

export function deferred(evpid: string, retryCount: number): SpoolEntry {
  return {
    kind: "deferred",
    evpid,
    atMs: retryCount * 1000,
    retryCount,
    nextTryAtMs: retryCount * 1000 + 400,
    warnedMs: retryCount * 10,
    result: result(evpid, "deferred", "4.4.1"),
  };
}

export function held(evpid: string, isHeld: boolean): SpoolEntry {
  return { kind: "held", evpid, atMs: 7, held: isHeld };
}

export function removed(evpid: string): SpoolEntry {
  return { kind: "removed", evpid, atMs: 8 };
}

/** Everything that a text yields, in one piece. */
export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return new Uint8Array(Buffer.concat(all));
}

function result(evpid: string, outcome: DeliveryResult["outcome"], status: string): DeliveryResult {
  return { evpid, outcome, status, diagnostic: `said ${outcome}`, remote: "mx.example.org" };
}
