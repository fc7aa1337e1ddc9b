/**
 * Delivery attempts: what the queue hands out, and what comes back.
 */
import { type Codec, hex, list, oneOf, struct, text } from "#base/codec.ts";
import { type Envelope, MAX_ENVELOPES, MAX_NAME_BYTES, type Message } from "./envelope.ts";
import { EVPID_DIGITS } from "./ids.ts";

/** Longest diagnostic that is kept, in bytes of UTF-8. */
export const MAX_DIAGNOSTIC_BYTES = 2048;

/** The stored text of a message, read in pieces. Lines end in CRLF. */
export interface MessageText {
  readonly bytes: number;
  /** The text from its start, in order; each call starts anew. @throws {FilesError} if it cannot be read. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Envelopes of one message that share an action and a route. */
export interface DeliveryTask {
  readonly message: Message;
  readonly envelopes: readonly Envelope[];
  readonly text: MessageText;
}

/** What became of one envelope in one attempt. */
export interface DeliveryResult {
  readonly evpid: string;
  /**
   * - "delivered": final, or accepted by a server that sends no reports of deliveries
   * - "handed-on": accepted by a server that was told what the sender wants to know (RFC 3461)
   * - "loop": a failure that is worded as a routing loop
   */
  readonly outcome: "delivered" | "handed-on" | "deferred" | "failed" | "loop";
  /** Enhanced status code, RFC 3463: `2.0.0`, `4.4.1`, … */
  readonly status: string;
  /** The far side's words, or ours; printable, one line. */
  readonly diagnostic: string;
  /** Who said so: `mx.example.org [192.0.2.1]`, a path, or "" when it was us. */
  readonly remote: string;
}

/** Tries to deliver. Never rejects: whatever goes wrong is a result for each envelope. */
export interface Carrier {
  attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]>;
}

/** The journal and the trace have them by their place here: new ones come last. */
export const outcomeCodec: Codec<DeliveryResult["outcome"]> = oneOf([
  "delivered",
  "deferred",
  "failed",
  "loop",
  "handed-on",
]);

export const deliveryResultCodec: Codec<DeliveryResult> = struct<DeliveryResult>({
  evpid: hex(EVPID_DIGITS),
  outcome: outcomeCodec,
  status: text(MAX_NAME_BYTES),
  diagnostic: text(MAX_DIAGNOSTIC_BYTES),
  remote: text(MAX_NAME_BYTES),
});

export const deliveryResultsCodec: Codec<readonly DeliveryResult[]> = list(
  deliveryResultCodec,
  MAX_ENVELOPES,
);
