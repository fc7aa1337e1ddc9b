/**
 * What is kept of a message's life: one entry for each thing that happened to it, in the
 * shape that trace files have (engine/trace). `smtpctl trace` shows them.
 *
 * Entries stay readable: a kind keeps its number and its fields; what is to be said in
 * another way gets a kind of its own.
 */
import { bool, type Codec, hex, list, oneOf, text, u32, u53, union } from "#base/codec.ts";
import type { Action as NoticeAction } from "#protocols/dsn/delivery-status.ts";
import {
  type AttemptTls,
  type DeliveryResult,
  MAX_DIAGNOSTIC_BYTES,
  outcomeCodec,
} from "./delivery.ts";
import {
  type Envelope,
  MAX_NAME_BYTES,
  type Origin,
  originCodec,
  type TrailStep,
  trailCodec,
} from "./envelope.ts";
import { EVPID_DIGITS, MSGID_DIGITS } from "./ids.ts";

/** Recipients in one entry; a message for more has more of them. */
export const MAX_TRACED_RECIPIENTS = 50;

export interface TracedRecipient {
  readonly evpid: string;
  /** As in RCPT TO. */
  readonly forwardPath: string;
  readonly destination: string;
  readonly action: string;
  /** Whose mail it is, or "" of what is relayed. */
  readonly user: string;
  readonly rule: string;
  readonly trail: readonly TrailStep[];
}

/** "none": in the clear, or there was no connection. */
export type TracedTls = { readonly kind: "none" } | ({ readonly kind: "tls" } & AttemptTls);

/** What an operator ordered about one envelope. `remove` is an end: "removed". */
export const ORDERS = ["scheduled", "paused", "resumed"] as const;
export type Order = (typeof ORDERS)[number];

/** Times are wall-clock milliseconds. */
export type TraceEntry =
  | {
      readonly kind: "accepted";
      readonly msgid: string;
      readonly atMs: number;
      /** With its brackets, or "". */
      readonly messageId: string;
      readonly reversePath: string;
      readonly origin: Origin;
      readonly textBytes: number;
      /** FUTURERELEASE (RFC 4865), or 0. */
      readonly holdUntilMs: number;
      /** At most MAX_TRACED_RECIPIENTS. */
      readonly recipients: readonly TracedRecipient[];
    }
  | {
      readonly kind: "attempt";
      readonly evpid: string;
      readonly atMs: number;
      readonly beganAtMs: number;
      readonly tookMs: number;
      /** Counts from 1. */
      readonly number: number;
      readonly outcome: DeliveryResult["outcome"];
      readonly status: string;
      readonly diagnostic: string;
      readonly remote: string;
      readonly tls: TracedTls;
      /** 0 if there is none. */
      readonly nextTryAtMs: number;
    }
  /** It was due for so long before its attempt began; `reason` is a name of wait-reason.ts. */
  | {
      readonly kind: "waited";
      readonly evpid: string;
      readonly atMs: number;
      readonly waitedMs: number;
      readonly reason: string;
    }
  /** Nothing was tried, for a limit that ends then. */
  | {
      readonly kind: "held";
      readonly evpid: string;
      readonly atMs: number;
      readonly limit: string;
      readonly untilMs: number;
      readonly diagnostic: string;
    }
  | {
      readonly kind: "expired";
      readonly evpid: string;
      readonly atMs: number;
      readonly diagnostic: string;
    }
  | { readonly kind: "removed"; readonly evpid: string; readonly atMs: number }
  | {
      readonly kind: "ordered";
      readonly evpid: string;
      readonly atMs: number;
      readonly order: Order;
    }
  /** The sender was told, by the message `report`. */
  | {
      readonly kind: "reported";
      readonly msgid: string;
      readonly atMs: number;
      readonly action: NoticeAction;
      readonly report: string;
    }
  | {
      readonly kind: "unreported";
      readonly msgid: string;
      readonly atMs: number;
      readonly action: NoticeAction;
      readonly why: string;
    }
  /** A start; what happened just before an end that was no orderly one may be missing. */
  | {
      readonly kind: "recovered";
      readonly atMs: number;
      readonly messages: number;
      readonly envelopes: number;
    }
  /** More happened than could be written. */
  | { readonly kind: "missing"; readonly atMs: number; readonly entries: number };

/** What one looks for. */
export type TraceSubject =
  /** A msgid or an evpid. */
  | { readonly kind: "id"; readonly id: string }
  /** A Message-ID, with its brackets. */
  | { readonly kind: "message-id"; readonly messageId: string }
  /** Of a sender or recipient, before or after expansion. */
  | { readonly kind: "address"; readonly address: string };

/** From when on what happened is of interest. */
export type TraceSince =
  | { readonly kind: "ever" }
  | { readonly kind: "at"; readonly atMs: number }
  /** So long before now. */
  | { readonly kind: "ago"; readonly agoMs: number };

const name: Codec<string> = text(MAX_NAME_BYTES);
const msgid: Codec<string> = hex(MSGID_DIGITS);
const evpid: Codec<string> = hex(EVPID_DIGITS);
const diagnostic: Codec<string> = text(MAX_DIAGNOSTIC_BYTES);
const action: Codec<NoticeAction> = oneOf([
  "failed",
  "delayed",
  "delivered",
  "relayed",
  "expanded",
]);

const recipientCodec: Codec<TracedRecipient> = {
  write(writer, recipient) {
    evpid.write(writer, recipient.evpid);
    name.write(writer, recipient.forwardPath);
    name.write(writer, recipient.destination);
    name.write(writer, recipient.action);
    name.write(writer, recipient.user);
    name.write(writer, recipient.rule);
    trailCodec.write(writer, recipient.trail);
  },
  read: (reader) => ({
    evpid: evpid.read(reader),
    forwardPath: name.read(reader),
    destination: name.read(reader),
    action: name.read(reader),
    user: name.read(reader),
    rule: name.read(reader),
    trail: trailCodec.read(reader),
  }),
};

const tlsCodec: Codec<TracedTls> = union<TracedTls>({
  none: [0, {}],
  tls: [1, { version: name, cipher: name, verified: bool }],
});

export const traceEntryCodec: Codec<TraceEntry> = union<TraceEntry>({
  accepted: [
    1,
    {
      msgid,
      atMs: u53,
      messageId: name,
      reversePath: name,
      origin: originCodec,
      textBytes: u53,
      holdUntilMs: u53,
      recipients: list(recipientCodec, MAX_TRACED_RECIPIENTS),
    },
  ],
  attempt: [
    2,
    {
      evpid,
      atMs: u53,
      beganAtMs: u53,
      tookMs: u32,
      number: u32,
      outcome: outcomeCodec,
      status: name,
      diagnostic,
      remote: name,
      tls: tlsCodec,
      nextTryAtMs: u53,
    },
  ],
  expired: [3, { evpid, atMs: u53, diagnostic }],
  removed: [4, { evpid, atMs: u53 }],
  ordered: [5, { evpid, atMs: u53, order: oneOf(ORDERS) }],
  reported: [6, { msgid, atMs: u53, action, report: msgid }],
  unreported: [7, { msgid, atMs: u53, action, why: name }],
  recovered: [8, { atMs: u53, messages: u53, envelopes: u53 }],
  missing: [9, { atMs: u53, entries: u53 }],
  waited: [10, { evpid, atMs: u53, waitedMs: u53, reason: name }],
  held: [11, { evpid, atMs: u53, limit: name, untilMs: u53, diagnostic }],
});

export const traceSubjectCodec: Codec<TraceSubject> = union<TraceSubject>({
  id: [1, { id: name }],
  "message-id": [2, { messageId: name }],
  address: [3, { address: name }],
});

export const traceSinceCodec: Codec<TraceSince> = union<TraceSince>({
  ever: [1, {}],
  at: [2, { atMs: u53 }],
  ago: [3, { agoMs: u53 }],
});

/** The recipient of `envelope` as it is traced. */
export function tracedRecipient(envelope: Envelope): TracedRecipient {
  const { evpid: id, forwardPath, destination, rule, trail, transport } = envelope;
  const user = transport.kind === "mda" ? transport.user : "";
  return { evpid: id, forwardPath, destination, action: envelope.action, user, rule, trail };
}

/** The message that an entry is about; undefined if it is about all. */
export function tracedMessage(entry: TraceEntry): string | undefined {
  if ("msgid" in entry) return entry.msgid;
  return "evpid" in entry ? entry.evpid.slice(0, MSGID_DIGITS) : undefined;
}
