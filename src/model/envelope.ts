/**
 * A message, and its envelopes: one for each final destination.
 *
 * A message's text is stored as it came over the wire after dot-unstuffing: lines
 * end in CRLF. Source: OpenSMTPD's envelope (spec 7.1, 7.4); RFC 5321 §2.3.
 */
import { bool, type Codec, hex, list, oneOf, struct, text, u53, union } from "#base/codec.ts";
import { EVPID_DIGITS, MSGID_DIGITS } from "./ids.ts";

/** RFC 5321 §4.5.3.1: 64 + 1 + 255; room for UTF-8 and sloppy peers. */
export const MAX_ADDRESS_BYTES = 1024;
/** Names, tags, places: anything short that is not an address. */
export const MAX_NAME_BYTES = 1024;
/** `smtp limit max-rcpt` may not be set higher. */
export const MAX_ENVELOPES = 100_000;

/** Where a message came from. */
export interface Origin {
  /** "smtp": a TCP client. "local": a UNIX-domain client. "internal": a bounce of ours. */
  readonly kind: "smtp" | "local" | "internal";
  /** The client's address in text form; "local" for a UNIX-domain client. */
  readonly address: string;
  /** The client's reverse name, or `<unknown>`. */
  readonly hostname: string;
  /** What the client called itself in HELO or EHLO. */
  readonly helo: string;
  /** The listener's `tag`, or "". */
  readonly tag: string;
  /** The authenticated user, or "". */
  readonly username: string;
}

export interface Message {
  readonly msgid: string;
  readonly acceptedAtMs: number;
  /** `user@domain`; "" is the null reverse-path. */
  readonly reversePath: string;
  readonly origin: Origin;
  /** Size of the stored text. */
  readonly textBytes: number;
  /** The client declared BODY=8BITMIME (RFC 6152). */
  readonly is8bit: boolean;
}

/** What happens to an envelope: OpenSMTPD's AGENT, plus the user of a local delivery. */
export type Transport = { readonly kind: "mta" } | { readonly kind: "mda"; readonly user: string };

export interface Envelope {
  readonly evpid: string;
  /** The recipient as in RCPT TO. */
  readonly forwardPath: string;
  /** The recipient after expansion. */
  readonly destination: string;
  /** Name of the action in smtpd.conf. */
  readonly action: string;
  readonly transport: Transport;
  /** The rule that chose the action: `FILE:LINE`. */
  readonly rule: string;
  /** How long after `acceptedAtMs` the queue gives up. */
  readonly ttlMs: number;
}

export const messageCodec: Codec<Message> = struct<Message>({
  msgid: hex(MSGID_DIGITS),
  acceptedAtMs: u53,
  reversePath: text(MAX_ADDRESS_BYTES),
  origin: struct<Origin>({
    kind: oneOf(["smtp", "local", "internal"]),
    address: text(MAX_NAME_BYTES),
    hostname: text(MAX_NAME_BYTES),
    helo: text(MAX_NAME_BYTES),
    tag: text(MAX_NAME_BYTES),
    username: text(MAX_NAME_BYTES),
  }),
  textBytes: u53,
  is8bit: bool,
});

export const envelopeCodec: Codec<Envelope> = struct<Envelope>({
  evpid: hex(EVPID_DIGITS),
  forwardPath: text(MAX_ADDRESS_BYTES),
  destination: text(MAX_ADDRESS_BYTES),
  action: text(MAX_NAME_BYTES),
  transport: union<Transport>({ mta: [1, {}], mda: [2, { user: text(MAX_NAME_BYTES) }] }),
  rule: text(MAX_NAME_BYTES),
  ttlMs: u53,
});

export const envelopesCodec: Codec<readonly Envelope[]> = list(envelopeCodec, MAX_ENVELOPES);
