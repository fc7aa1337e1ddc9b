/**
 * What a client asks for with the parameters of MAIL.
 *
 * SIZE= is kept and enforced; OpenSMTPD ignores it. AUTH= must be well formed and is then
 * ignored, as RFC 4954 §5 allows who does not pass it on.
 *
 * Source: RFC 1870 §4 (SIZE), RFC 6152 §2 and RFC 3030 §3 (BODY), RFC 6531 §3.4 (SMTPUTF8),
 * RFC 8689 §3 (REQUIRETLS), RFC 3461 §4.3, §4.4 (RET, ENVID), RFC 2852 §4 (BY), RFC 4865 §4
 * (HOLDFOR, HOLDUNTIL), RFC 6710 §3 (MT-PRIORITY), RFC 4954 §5 (AUTH).
 */
import type { Extensions } from "./extensions.ts";
import { type Parameter, type ParameterTraits, readParameters } from "./parameters.ts";
import type { Reply } from "./reply.ts";
import { BAD_PARAMETER, HELD_TOO_LONG, optionTooLarge } from "./status.ts";
import { isXtext } from "./xtext.ts";

export interface MailOptions {
  /** SIZE=, or 0 where the client declared none. Infinity stands for more than 15 digits. */
  readonly sizeBytes: number;
  readonly body: "7bit" | "8bit" | "binary";
  /** Addresses or headers may have UTF-8. */
  readonly utf8: boolean;
  readonly requireTls: boolean;
  /** What a notice of failure gives back; undefined: nothing was said. */
  readonly returns: "full" | "headers" | undefined;
  /** ENVID=, in xtext as written, or "". */
  readonly envelopeId: string;
  readonly deliverBy: DeliverBy | undefined;
  readonly hold: Hold | undefined;
  /** -9 to 9; 0 is that of mail that asks for none. */
  readonly priority: number;
}

export interface DeliverBy {
  /** From now on; may be over already for "notify". */
  readonly seconds: number;
  /** What happens then. */
  readonly mode: "return" | "notify";
  readonly trace: boolean;
}

/** When the message may go on, at the earliest. */
export type Hold =
  | { readonly kind: "for"; readonly seconds: number }
  | { readonly kind: "until"; readonly atMs: number };

type Draft = { -readonly [Name in keyof MailOptions]: MailOptions[Name] };
type Traits = ParameterTraits<Draft>;

/** RFC 1870 §4: at most 20 digits. Up to 15 are exact in a JavaScript number. */
const MAX_SIZE_DIGITS = 20;
const EXACT_DIGITS = 15;
/** RFC 3461 §4.4. */
export const MAX_ENVELOPE_ID_LENGTH = 100;

/** RFC 3461 §4.3. */
export const RETURN_WORDS = { full: "FULL", headers: "HDRS" } as const;

export const NOTHING_ASKED: MailOptions = Object.freeze({
  sizeBytes: 0,
  body: "7bit",
  utf8: false,
  requireTls: false,
  returns: undefined,
  envelopeId: "",
  deliverBy: undefined,
  hold: undefined,
  priority: 0,
});

/** What the parameters of MAIL ask for, or the reply that refuses them. */
export function parseMailOptions(
  parameters: readonly Parameter[],
  extensions: Extensions,
): MailOptions | Reply {
  if (parameters.length === 0) return NOTHING_ASKED;
  const draft: Draft = { ...NOTHING_ASKED };
  return readParameters(parameters, KNOWN, draft, extensions) ?? draft;
}

const always = (): boolean => true;
const withDsn = ({ dsn }: Extensions): boolean => dsn;
const withFutureRelease = ({ futureRelease }: Extensions): boolean => futureRelease !== undefined;

const KNOWN: ReadonlyMap<string, Traits> = new Map<string, Traits>([
  ["SIZE", { isOffered: always, read: readSize }],
  ["BODY", { isOffered: always, read: readBody }],
  ["AUTH", { isOffered: always, read: readAuth }],
  ["SMTPUTF8", { isOffered: ({ smtpUtf8 }) => smtpUtf8, read: flag("utf8") }],
  ["REQUIRETLS", { isOffered: ({ requireTls }) => requireTls, read: flag("requireTls") }],
  ["RET", { isOffered: withDsn, read: readReturns }],
  ["ENVID", { isOffered: withDsn, read: readEnvelopeId }],
  ["BY", { isOffered: (offer) => offer.deliverByMinSeconds !== undefined, read: readDeliverBy }],
  ["HOLDFOR", { isOffered: withFutureRelease, read: readHoldFor }],
  ["HOLDUNTIL", { isOffered: withFutureRelease, read: readHoldUntil }],
  ["MT-PRIORITY", { isOffered: ({ mtPriority }) => mtPriority, read: readPriority }],
]);

/** A parameter without a value. */
function flag(name: "utf8" | "requireTls"): Traits["read"] {
  return (value, draft) => {
    draft[name] = true;
    return value === "" ? undefined : BAD_PARAMETER;
  };
}

function readSize(value: string, draft: Draft): Reply | undefined {
  if (value.length > MAX_SIZE_DIGITS || !/^\d+$/.test(value)) return BAD_PARAMETER;
  const digits = value.replace(/^0+(?=\d)/, "");
  draft.sizeBytes = digits.length > EXACT_DIGITS ? Number.POSITIVE_INFINITY : Number(digits);
  return undefined;
}

const BODIES: ReadonlyMap<string, MailOptions["body"]> = new Map([
  ["7BIT", "7bit"],
  ["8BITMIME", "8bit"],
  ["BINARYMIME", "binary"],
]);

function readBody(value: string, draft: Draft, { binaryMime }: Extensions): Reply | undefined {
  const body = BODIES.get(value.toUpperCase());
  if (body === undefined || (body === "binary" && !binaryMime)) return BAD_PARAMETER;
  draft.body = body;
  return undefined;
}

function readAuth(value: string): Reply | undefined {
  return value !== "" && (value === "<>" || isXtext(value)) ? undefined : BAD_PARAMETER;
}

/** RFC 3461 §4.3: RET in capitals or not. Undefined: it is none of its words. */
export function returnsOf(written: string): MailOptions["returns"] {
  const word = written.toUpperCase();
  return word === RETURN_WORDS.full
    ? "full"
    : word === RETURN_WORDS.headers
      ? "headers"
      : undefined;
}

function readReturns(value: string, draft: Draft): Reply | undefined {
  draft.returns = returnsOf(value);
  return draft.returns === undefined ? BAD_PARAMETER : undefined;
}

function readEnvelopeId(value: string, draft: Draft): Reply | undefined {
  if (value.length > MAX_ENVELOPE_ID_LENGTH) return optionTooLarge(value);
  if (value === "" || !isXtext(value)) return BAD_PARAMETER;
  draft.envelopeId = value;
  return undefined;
}

/** RFC 2852 §4: "R" wants a time to come, and one that the server can keep. */
function readDeliverBy(value: string, draft: Draft, offer: Extensions): Reply | undefined {
  const [, time, letter, trace] = /^([-+]?\d{1,9});([NR])(T?)$/i.exec(value) ?? [];
  if (time === undefined) return BAD_PARAMETER;
  const seconds = Number(time);
  const mode = letter?.toUpperCase() === "R" ? "return" : "notify";
  const leastSeconds = Math.max(offer.deliverByMinSeconds ?? 0, 1);
  if (mode === "return" && seconds < leastSeconds) return BAD_PARAMETER;
  draft.deliverBy = { seconds, mode, trace: trace !== "" };
  return undefined;
}

function readHoldFor(
  value: string,
  draft: Draft,
  { futureRelease }: Extensions,
): Reply | undefined {
  if (draft.hold !== undefined || !/^\d{1,9}$/.test(value)) return BAD_PARAMETER;
  const seconds = Number(value);
  if (seconds > (futureRelease?.maxSeconds ?? 0)) return HELD_TOO_LONG;
  draft.hold = { kind: "for", seconds };
  return undefined;
}

function readHoldUntil(
  value: string,
  draft: Draft,
  { futureRelease }: Extensions,
): Reply | undefined {
  const atMs = parseDateTime(value.toUpperCase());
  if (draft.hold !== undefined || atMs === undefined || atMs < 0) return BAD_PARAMETER;
  if (atMs > (futureRelease?.untilMs ?? 0)) return HELD_TOO_LONG;
  draft.hold = { kind: "until", atMs };
  return undefined;
}

/** RFC 3339 §5.6, without the leap second, which has no moment of its own here. */
const DATE_TIME =
  /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[-+]([01]\d|2[0-3]):[0-5]\d)$/;

/** Milliseconds since 1970. Date.parse() alone takes November 31 for December 1. */
function parseDateTime(text: string): number | undefined {
  const [, day] = DATE_TIME.exec(text) ?? [];
  const midnightMs = day === undefined ? Number.NaN : Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(midnightMs) || !new Date(midnightMs).toISOString().startsWith(`${day}T`))
    return undefined;
  return Date.parse(text);
}

function readPriority(value: string, draft: Draft): Reply | undefined {
  if (!/^-?\d$/.test(value)) return BAD_PARAMETER;
  draft.priority = Number(value) + 0; // no -0
  return undefined;
}
