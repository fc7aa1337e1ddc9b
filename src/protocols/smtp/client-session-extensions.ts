/**
 * What a server offers in its reply to EHLO or LHLO. Nonsense is ignored, the
 * first of two contradicting lines counts, and keywords are compared without case.
 *
 * Source: RFC 5321 §4.1.1.1; RFC 1870 §3 (SIZE), RFC 2920 (PIPELINING), RFC 6152
 * (8BITMIME), RFC 2034 (ENHANCEDSTATUSCODES), RFC 3461 §5.1 (DSN), RFC 6531 (SMTPUTF8),
 * RFC 3207 (STARTTLS), RFC 4954 §3 (AUTH), RFC 3030 (CHUNKING, BINARYMIME), RFC 8689
 * (REQUIRETLS), RFC 2852 §4 (DELIVERBY), RFC 6710 §3 (MT-PRIORITY), RFC 9422 (LIMITS).
 */
import type { ReceivedReply } from "./reply-parser.ts";

export interface Extensions {
  /** Largest message that the server takes, in bytes; undefined if it set no limit. */
  readonly maxMessageBytes: number | undefined;
  /** The server wants SIZE= at MAIL, whether it has a limit or not. */
  readonly size: boolean;
  readonly pipelining: boolean;
  readonly eightBitMime: boolean;
  readonly enhancedStatusCodes: boolean;
  readonly dsn: boolean;
  readonly smtpUtf8: boolean;
  readonly startTls: boolean;
  readonly chunking: boolean;
  /** Of use only beside CHUNKING (RFC 3030 §3). */
  readonly binaryMime: boolean;
  readonly requireTls: boolean;
  /** The least time in which it delivers, 0 if it names none; undefined: it keeps no times. */
  readonly deliverByMinSeconds: number | undefined;
  readonly mtPriority: boolean;
  /** Recipients that it takes in one transaction; undefined if it names no limit. */
  readonly maxRecipients: number | undefined;
  /** Mechanisms of AUTH, upper-case. */
  readonly authMechanisms: readonly string[];
}

/** What a server offers that was greeted with HELO. */
export const NO_EXTENSIONS: Extensions = Object.freeze({
  maxMessageBytes: undefined,
  size: false,
  pipelining: false,
  eightBitMime: false,
  enhancedStatusCodes: false,
  dsn: false,
  smtpUtf8: false,
  startTls: false,
  chunking: false,
  binaryMime: false,
  requireTls: false,
  deliverByMinSeconds: undefined,
  mtPriority: false,
  maxRecipients: undefined,
  authMechanisms: Object.freeze([]),
});

/** RFC 1870 §3: up to 20 digits. */
const SIZE_LIMIT = /^\d{1,20}$/;
/** RFC 9422 §3, §4.3: up to 6, and more than none. */
const RECIPIENT_LIMIT = /^RCPTMAX=([1-9]\d{0,5})$/i;
/** RFC 2852 §4: up to 9. */
const MIN_BY_TIME = /^\d{1,9}$/;

/** Reads the lines after the first, which is the server's name. */
export function parseExtensions(reply: ReceivedReply): Extensions {
  const offered = new Map<string, string>();
  for (const line of reply.lines.slice(1)) {
    const [keyword = "", ...parameters] = line.trim().split(/ +/);
    const name = keyword.toUpperCase();
    if (!offered.has(name)) offered.set(name, parameters.join(" "));
  }
  return {
    maxMessageBytes: sizeLimit(offered.get("SIZE")),
    size: offered.has("SIZE"),
    pipelining: offered.has("PIPELINING"),
    eightBitMime: offered.has("8BITMIME"),
    enhancedStatusCodes: offered.has("ENHANCEDSTATUSCODES"),
    dsn: offered.has("DSN"),
    smtpUtf8: offered.has("SMTPUTF8"),
    startTls: offered.has("STARTTLS"),
    chunking: offered.has("CHUNKING"),
    binaryMime: offered.has("BINARYMIME"),
    requireTls: offered.has("REQUIRETLS"),
    deliverByMinSeconds: minByTime(offered.get("DELIVERBY")),
    mtPriority: offered.has("MT-PRIORITY"),
    maxRecipients: recipientLimit(offered.get("LIMITS")),
    authMechanisms: (offered.get("AUTH") ?? "").toUpperCase().split(" ").filter(Boolean),
  };
}

/** RFC 1870 §3: zero means that there is no fixed limit. */
function sizeLimit(parameter: string | undefined): number | undefined {
  if (parameter === undefined || !SIZE_LIMIT.test(parameter)) return undefined;
  const limit = Number(parameter);
  return limit === 0 ? undefined : limit;
}

function minByTime(parameter: string | undefined): number | undefined {
  if (parameter === undefined) return undefined;
  return MIN_BY_TIME.test(parameter) ? Number(parameter) : 0;
}

/** RFC 9422 §3: limits that are not known, or not well formed, are ignored. */
function recipientLimit(parameters: string | undefined): number | undefined {
  for (const limit of parameters?.split(" ") ?? []) {
    const [, digits] = RECIPIENT_LIMIT.exec(limit) ?? [];
    if (digits !== undefined) return Number(digits);
  }
  return undefined;
}
