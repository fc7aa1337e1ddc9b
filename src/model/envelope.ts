/**
 * A message, and its envelopes: one for each final destination.
 *
 * A message's text is stored as it came over the wire after dot-unstuffing: lines
 * end in CRLF. Source: OpenSMTPD envelope.c; RFC 5321 §2.3.
 */
import { DecodeError } from "#base/byte-reader.ts";
import {
  bool,
  type Codec,
  hex,
  list,
  oneOf,
  optional,
  struct,
  text,
  u53,
  u8,
} from "#base/codec.ts";
import { NOTIFY_WORDS, type NotifyWord } from "#protocols/smtp/rcpt-options.ts";
import { EVPID_DIGITS, MSGID_DIGITS } from "./ids.ts";

/** RFC 5321 §4.5.3.1: 64 + 1 + 255; room for UTF-8 and sloppy peers. */
const MAX_ADDRESS_BYTES = 1024;
/** Names, tags, places: anything short that is not an address. */
export const MAX_NAME_BYTES = 1024;
/** PATH_MAX of Linux, limits.h(0p). */
const MAX_SOURCE_BYTES = 4096;
/** An entry of a list has 2048 characters at most (model/expansion-list.ts). */
const MAX_LISTED_BYTES: number = 3 * 2048;
/** `smtp limit max-rcpt` may not be set higher. */
export const MAX_ENVELOPES = 100_000;

/** RFC 4865: a message is held back for a week at most. */
export const MAX_HOLD_MS: number = 7 * 24 * 3_600_000;

/** RFC 6710 §3: and as far below 0. */
const MAX_PRIORITY = 9;

/** The reverse name of a client that has none. */
export const UNKNOWN_HOSTNAME = "<unknown>";

/** Whether the client's reverse name has the client's address: forward-confirmed reverse DNS. */
export type Fcrdns = "pass" | "fail" | "error";

/** Where a message came from. */
export interface Origin {
  /** "smtp": a TCP client. "local": a UNIX-domain client. "internal": a bounce of ours. */
  readonly kind: "smtp" | "local" | "internal";
  /** The client's address in text form; "local" for a UNIX-domain client. */
  readonly address: string;
  /** The client's reverse name, or UNKNOWN_HOSTNAME. */
  readonly hostname: string;
  /** "error": DNS could not be asked. */
  readonly fcrdns: Fcrdns;
  /** What the client called itself in HELO or EHLO. */
  readonly helo: string;
  /** The listener's `tag`, or "". */
  readonly tag: string;
  /** The authenticated user, or "". */
  readonly username: string;
  /** Undefined: it came in the clear. */
  readonly tls: OriginTls | undefined;
}

/** How a message came over TLS. */
export interface OriginTls {
  /** `TLSv1.3`. */
  readonly version: string;
  /** OpenSSL's name. */
  readonly cipher: string;
  readonly bits: number;
  /** An authority vouched for the client's certificate. */
  readonly verified: boolean;
  /** `SHA256:` and hex, of the client's certificate and of its key; none without one. */
  readonly fingerprints: readonly string[];
}

/** What a client asked for with MAIL, for the message as a whole. */
export interface Terms {
  /** BODY=BINARYMIME (RFC 3030): lines mean nothing. */
  readonly isBinary: boolean;
  /** SMTPUTF8 (RFC 6531): headers or addresses have UTF-8. */
  readonly utf8: boolean;
  readonly tls: TlsTerm;
  /** RET (RFC 3461): what a notice of failure gives back. */
  readonly returns: "full" | "headers" | undefined;
  /** ENVID (RFC 3461), in xtext as written, or "". */
  readonly envelopeId: string;
  readonly deliverBy: DeliverBy | undefined;
  /** FUTURERELEASE (RFC 4865): not to be delivered before; 0: at once. */
  readonly holdUntilMs: number;
  /** MT-PRIORITY (RFC 6710): -9 to 9. */
  readonly priority: number;
}

/**
 * RFC 8689. "by-policy": as the relay and the destination say. "required": REQUIRETLS (§2).
 * "optional": it matters more that it arrives than what the destination's policies say (§4).
 */
export type TlsTerm = (typeof TLS_TERMS)[number];
// The journal and its checkpoints have them by their place here: new ones come last.
const TLS_TERMS = ["by-policy", "required", "optional"] as const;

/** Nothing more than that it is delivered. */
export const NO_TERMS: Terms = Object.freeze({
  isBinary: false,
  utf8: false,
  tls: "by-policy",
  returns: undefined,
  envelopeId: "",
  deliverBy: undefined,
  holdUntilMs: 0,
  priority: 0,
});

/** RFC 2852. */
export interface DeliverBy {
  readonly atMs: number;
  /** What happens then, if it was not delivered. */
  readonly mode: "return" | "notify";
  readonly trace: boolean;
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
  /** Undefined: the client asked for nothing more. */
  readonly terms: Terms | undefined;
}

/** What happens to an envelope: OpenSMTPD's AGENT, plus what a local delivery needs. */
export type Transport =
  | { readonly kind: "mta" }
  | {
      readonly kind: "mda";
      /** Whose mail it is: what `%{user.username}` says. */
      readonly user: string;
      /** The sub-address, what stood behind the delimiter, or "": EXTENSION of commands. */
      readonly extension: string;
      /** What a list named in the place of the action's own method; left out of all other mail. */
      readonly listed?: ListedDelivery;
    };

/** A command or file of an alias, an included or a forward file, as it was written there. */
export interface ListedDelivery {
  readonly kind: "pipe" | "file";
  /** The command without its `|`; the absolute path. */
  readonly text: string;
}

/** What a transport has in it besides its kind: "listed" is "mda" with a command or file. */
export type TransportKind = Transport["kind"] | "listed";

export function transportKindOf(transport: Transport): TransportKind {
  return transport.kind === "mda" && transport.listed !== undefined ? "listed" : transport.kind;
}

/** As a list has it. */
export function listedText(listed: ListedDelivery): string {
  return listed.kind === "pipe" ? `|${listed.text}` : listed.text;
}

/** One step from the recipient to an envelope: a list that led on. */
export interface TrailStep {
  readonly by: "alias" | "virtual" | "include" | "forward-file";
  /** Name of the table, path of the file, or the user whose forward file it was. */
  readonly source: string;
  /** What was found in the table; "" of a file. */
  readonly key: string;
  /** The rule whose action had the list: `FILE:LINE`. */
  readonly rule: string;
}

/** Most steps there are: an expansion is no deeper. */
export const MAX_TRAIL_STEPS = 16;
/** The trail of a recipient that is its own destination. */
export const NO_TRAIL: readonly TrailStep[] = Object.freeze([]);

/** What a client asked for with RCPT. Source: RFC 3461 §4.1, §4.2. */
export interface RecipientTerms {
  /** What the sender wants to be told of, "never" alone; undefined: nothing was said. */
  readonly notify: readonly NotifyWord[] | undefined;
  /** ORCPT as written, type and xtext, or "". */
  readonly originalRecipient: string;
}

export interface Envelope {
  readonly evpid: string;
  /** The recipient as in RCPT TO. */
  readonly forwardPath: string;
  /** Undefined: the client asked for nothing more. */
  readonly terms: RecipientTerms | undefined;
  /** The recipient after expansion. */
  readonly destination: string;
  /** Name of the action in smtpd.conf. */
  readonly action: string;
  readonly transport: Transport;
  /** The rule that chose the action: `FILE:LINE`. */
  readonly rule: string;
  /** How the recipient became the destination, first step first. */
  readonly trail: readonly TrailStep[];
  /** How long after `acceptedAtMs` the queue gives up. */
  readonly ttlMs: number;
}

// These shapes cross between processes and reach the journal with every message. They are
// written out, field by field: a generic struct took a fifth of the dispatcher's time.

export const addressCodec: Codec<string> = text(MAX_ADDRESS_BYTES);
const name: Codec<string> = text(MAX_NAME_BYTES);
const msgid: Codec<string> = hex(MSGID_DIGITS);
const evpid: Codec<string> = hex(EVPID_DIGITS);
const originKind: Codec<Origin["kind"]> = oneOf(["smtp", "local", "internal"]);
const fcrdns: Codec<Fcrdns> = oneOf(["pass", "fail", "error"]);
// The journal and its checkpoints have them by their place here: new ones come last.
export const transportKindCodec: Codec<TransportKind> = oneOf(["mta", "mda", "listed"]);
export const listedDeliveryCodec: Codec<ListedDelivery> = struct<ListedDelivery>({
  kind: oneOf(["pipe", "file"]),
  text: text(MAX_LISTED_BYTES),
});

const MAX_FINGERPRINTS = 2;
const fingerprints: Codec<readonly string[]> = list(name, MAX_FINGERPRINTS);
const originTls: Codec<OriginTls | undefined> = optional({
  write(writer, tls) {
    name.write(writer, tls.version);
    name.write(writer, tls.cipher);
    u53.write(writer, tls.bits);
    bool.write(writer, tls.verified);
    fingerprints.write(writer, tls.fingerprints);
  },
  read: (reader) => ({
    version: name.read(reader),
    cipher: name.read(reader),
    bits: u53.read(reader),
    verified: bool.read(reader),
    fingerprints: fingerprints.read(reader),
  }),
});

export const originCodec: Codec<Origin> = {
  write(writer, origin) {
    originKind.write(writer, origin.kind);
    name.write(writer, origin.address);
    name.write(writer, origin.hostname);
    fcrdns.write(writer, origin.fcrdns);
    name.write(writer, origin.helo);
    name.write(writer, origin.tag);
    name.write(writer, origin.username);
    originTls.write(writer, origin.tls);
  },
  read: (reader) => ({
    kind: originKind.read(reader),
    address: name.read(reader),
    hostname: name.read(reader),
    fcrdns: fcrdns.read(reader),
    helo: name.read(reader),
    tag: name.read(reader),
    username: name.read(reader),
    tls: originTls.read(reader),
  }),
};

const transportCodec: Codec<Transport> = {
  write(writer, transport) {
    transportKindCodec.write(writer, transportKindOf(transport));
    if (transport.kind === "mta") return;
    const { user, extension, listed } = transport;
    name.write(writer, user);
    name.write(writer, extension);
    if (listed !== undefined) listedDeliveryCodec.write(writer, listed);
  },
  read(reader) {
    const kind = transportKindCodec.read(reader);
    if (kind === "mta") return { kind };
    const local = { kind: "mda", user: name.read(reader), extension: name.read(reader) } as const;
    return kind === "mda" ? local : { ...local, listed: listedDeliveryCodec.read(reader) };
  },
};

const trailStepCodec: Codec<TrailStep> = struct<TrailStep>({
  by: oneOf(["alias", "virtual", "include", "forward-file"]),
  source: text(MAX_SOURCE_BYTES),
  key: text(MAX_SOURCE_BYTES),
  rule: name,
});

/** A byte of length, since nearly every trail is empty. */
export const trailCodec: Codec<readonly TrailStep[]> = {
  write(writer, trail) {
    if (trail.length > MAX_TRAIL_STEPS)
      throw new RangeError(`Cannot encode a trail of ${trail.length} steps`);
    u8.write(writer, trail.length);
    for (const step of trail) trailStepCodec.write(writer, step);
  },
  read(reader) {
    const length = u8.read(reader);
    if (length === 0) return NO_TRAIL;
    if (length > MAX_TRAIL_STEPS) throw new DecodeError(`Trail of ${length} steps`);
    return Array.from({ length }, () => trailStepCodec.read(reader));
  },
};

const tlsTerm: Codec<TlsTerm> = oneOf(TLS_TERMS);
const returns: Codec<Terms["returns"]> = optional(oneOf(["full", "headers"]));
const deliverBy: Codec<DeliverBy | undefined> = optional(
  struct<DeliverBy>({ atMs: u53, mode: oneOf(["return", "notify"]), trace: bool }),
);
/** Most messages have none: a byte says so. */
export const termsCodec: Codec<Terms | undefined> = optional({
  write(writer, { holdUntilMs, priority, ...asked }) {
    bool.write(writer, asked.isBinary);
    bool.write(writer, asked.utf8);
    tlsTerm.write(writer, asked.tls);
    returns.write(writer, asked.returns);
    name.write(writer, asked.envelopeId);
    deliverBy.write(writer, asked.deliverBy);
    u53.write(writer, holdUntilMs);
    u8.write(writer, priority + MAX_PRIORITY);
  },
  read: (reader) => ({
    isBinary: bool.read(reader),
    utf8: bool.read(reader),
    tls: tlsTerm.read(reader),
    returns: returns.read(reader),
    envelopeId: name.read(reader),
    deliverBy: deliverBy.read(reader),
    holdUntilMs: u53.read(reader),
    priority: priorityOf(u8.read(reader)),
  }),
});

function priorityOf(stored: number): number {
  if (stored > 2 * MAX_PRIORITY) throw new DecodeError(`Priority ${stored}`);
  return stored - MAX_PRIORITY;
}

export const recipientTermsCodec: Codec<RecipientTerms | undefined> = optional(
  struct<RecipientTerms>({
    notify: optional(list(oneOf(NOTIFY_WORDS), NOTIFY_WORDS.length)),
    originalRecipient: name,
  }),
);

export const messageCodec: Codec<Message> = {
  write(writer, message) {
    msgid.write(writer, message.msgid);
    u53.write(writer, message.acceptedAtMs);
    addressCodec.write(writer, message.reversePath);
    originCodec.write(writer, message.origin);
    u53.write(writer, message.textBytes);
    bool.write(writer, message.is8bit);
    termsCodec.write(writer, message.terms);
  },
  read: (reader) => ({
    msgid: msgid.read(reader),
    acceptedAtMs: u53.read(reader),
    reversePath: addressCodec.read(reader),
    origin: originCodec.read(reader),
    textBytes: u53.read(reader),
    is8bit: bool.read(reader),
    terms: termsCodec.read(reader),
  }),
};

export const envelopeCodec: Codec<Envelope> = {
  write(writer, envelope) {
    evpid.write(writer, envelope.evpid);
    addressCodec.write(writer, envelope.forwardPath);
    recipientTermsCodec.write(writer, envelope.terms);
    addressCodec.write(writer, envelope.destination);
    name.write(writer, envelope.action);
    transportCodec.write(writer, envelope.transport);
    name.write(writer, envelope.rule);
    trailCodec.write(writer, envelope.trail);
    u53.write(writer, envelope.ttlMs);
  },
  read: (reader) => ({
    evpid: evpid.read(reader),
    forwardPath: addressCodec.read(reader),
    terms: recipientTermsCodec.read(reader),
    destination: addressCodec.read(reader),
    action: name.read(reader),
    transport: transportCodec.read(reader),
    rule: name.read(reader),
    trail: trailCodec.read(reader),
    ttlMs: u53.read(reader),
  }),
};

export const envelopesCodec: Codec<readonly Envelope[]> = list(envelopeCodec, MAX_ENVELOPES);
