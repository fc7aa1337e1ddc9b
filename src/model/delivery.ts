/**
 * Delivery attempts: what the queue hands out, and what comes back.
 */
import { bool, type Codec, hex, list, oneOf, optional, struct, text, u53 } from "#base/codec.ts";
import type { AttemptProgress } from "./attempt-progress.ts";
import { type Envelope, MAX_ENVELOPES, MAX_NAME_BYTES, type Message } from "./envelope.ts";
import { EVPID_DIGITS, SESSION_ID_DIGITS } from "./ids.ts";

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
  /** Left out: nobody asks how far it is. */
  readonly progress?: AttemptProgress | undefined;
}

/** How the connection was secured over which an attempt was made. */
export interface AttemptTls {
  /** `TLSv1.3`. */
  readonly version: string;
  /** OpenSSL's name. */
  readonly cipher: string;
  /** The server proved to be the one that was meant. */
  readonly verified: boolean;
}

/** The connection over which an attempt was made, as the log tells of it. */
export interface AttemptConnection {
  /** Its id in the log. */
  readonly session: string;
  /** Our address; "" on a UNIX-domain socket. */
  readonly source: string;
}

/** Nothing of it was tried, for a limit that ends by itself: no try of the envelope is used up. */
export interface HeldBy {
  /** What a person knows it by: `mta conn-delay-route`. */
  readonly limit: string;
  /** Wall clock, whole. */
  readonly untilMs: number;
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
  /** Left out: there was no connection, or it is not the relay's. The journal does not keep it. */
  readonly over?: AttemptConnection | undefined;
  /** Left out: it went in the clear, or there was no connection. The journal does not keep it. */
  readonly tls?: AttemptTls | undefined;
  /** Of one that is "deferred", for a limit of relaying alone. The journal does not keep it. */
  readonly held?: HeldBy | undefined;
  /**
   * The server keeps the time by which the message was to be delivered (RFC 2852), from now on.
   * Left out: it does not, or there is none. The journal does not keep it.
   */
  readonly keepsTime?: true;
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

/** As the journal has it. */
export const deliveryResultCodec: Codec<DeliveryResult> = struct<
  Omit<DeliveryResult, "over" | "tls" | "held" | "keepsTime">
>({
  evpid: hex(EVPID_DIGITS),
  outcome: outcomeCodec,
  status: text(MAX_NAME_BYTES),
  diagnostic: text(MAX_DIAGNOSTIC_BYTES),
  remote: text(MAX_NAME_BYTES),
});

const attemptConnectionCodec: Codec<AttemptConnection | undefined> = optional(
  struct<AttemptConnection>({ session: hex(SESSION_ID_DIGITS), source: text(MAX_NAME_BYTES) }),
);

const attemptTlsCodec: Codec<AttemptTls | undefined> = optional(
  struct<AttemptTls>({
    version: text(MAX_NAME_BYTES),
    cipher: text(MAX_NAME_BYTES),
    verified: bool,
  }),
);

const heldCodec: Codec<HeldBy | undefined> = optional(
  struct<HeldBy>({ limit: text(MAX_NAME_BYTES), untilMs: u53 }),
);

/** As processes tell each other. */
export const deliveryResultsCodec: Codec<readonly DeliveryResult[]> = list(
  {
    write(writer, result) {
      deliveryResultCodec.write(writer, result);
      attemptConnectionCodec.write(writer, result.over);
      attemptTlsCodec.write(writer, result.tls);
      heldCodec.write(writer, result.held);
      bool.write(writer, result.keepsTime === true);
    },
    read(reader) {
      const result = deliveryResultCodec.read(reader);
      const over = attemptConnectionCodec.read(reader);
      const tls = attemptTlsCodec.read(reader);
      const held = heldCodec.read(reader);
      const keepsTime = bool.read(reader);
      if (over === undefined && tls === undefined && held === undefined && !keepsTime)
        return result;
      return {
        ...result,
        ...(over && { over }),
        ...(tls && { tls }),
        ...(held && { held }),
        ...(keepsTime && { keepsTime }),
      };
    },
  },
  MAX_ENVELOPES,
);
