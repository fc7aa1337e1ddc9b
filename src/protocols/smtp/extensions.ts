/**
 * The extensions that a session offers, as data. What is not offered is refused where
 * it is asked for, so that a client is never told yes by a server that does not know it.
 *
 * 8BITMIME, ENHANCEDSTATUSCODES, SIZE, PIPELINING and HELP are offered always; STARTTLS
 * and AUTH have rules of their own (service.ts).
 *
 * Source: RFC 3461 (DSN), RFC 6531 (SMTPUTF8), RFC 3030 (CHUNKING, BINARYMIME), RFC 8689
 * (REQUIRETLS), RFC 9422 (LIMITS), RFC 2852 (DELIVERBY), RFC 4865 (FUTURERELEASE),
 * RFC 6710 (MT-PRIORITY); Postfix's XCLIENT_README and XFORWARD_README.
 */

export interface Extensions {
  readonly dsn: boolean;
  readonly smtpUtf8: boolean;
  readonly chunking: boolean;
  /** Needs CHUNKING (RFC 3030 §3). */
  readonly binaryMime: boolean;
  /** Only where the session is under TLS (RFC 8689 §2). */
  readonly requireTls: boolean;
  readonly limits: boolean;
  readonly mtPriority: boolean;
  /** The least by-time that is worth asking for, in seconds. */
  readonly deliverByMinSeconds: number | undefined;
  readonly futureRelease: FutureRelease | undefined;
  /** The client may say for whom it speaks. */
  readonly xclient: boolean;
  readonly xforward: boolean;
}

export interface FutureRelease {
  readonly maxSeconds: number;
  /** The latest HOLDUNTIL, in milliseconds since 1970: it need not move on within a session. */
  readonly untilMs: number;
}

export const NO_EXTENSIONS: Extensions = Object.freeze({
  dsn: false,
  smtpUtf8: false,
  chunking: false,
  binaryMime: false,
  requireTls: false,
  limits: false,
  mtPriority: false,
  deliverByMinSeconds: undefined,
  futureRelease: undefined,
  xclient: false,
  xforward: false,
});

/** Lines of the answer to EHLO behind PIPELINING, in a fixed order. */
export function extensionLines(
  extensions: Extensions,
  { maxMails, maxRecipients }: { readonly maxMails: number; readonly maxRecipients: number },
): readonly string[] {
  const { deliverByMinSeconds, futureRelease } = extensions;
  const lines: string[] = [];
  if (extensions.smtpUtf8) lines.push("SMTPUTF8");
  if (extensions.chunking) lines.push("CHUNKING");
  if (extensions.binaryMime) lines.push("BINARYMIME");
  if (extensions.requireTls) lines.push("REQUIRETLS");
  if (extensions.limits) lines.push(`LIMITS MAILMAX=${maxMails} RCPTMAX=${maxRecipients}`);
  if (deliverByMinSeconds !== undefined) lines.push(`DELIVERBY ${deliverByMinSeconds}`);
  if (extensions.mtPriority) lines.push("MT-PRIORITY");
  if (futureRelease !== undefined) {
    const until = new Date(futureRelease.untilMs).toISOString().replace(/\.\d+/, "");
    lines.push(`FUTURERELEASE ${futureRelease.maxSeconds} ${until}`);
  }
  if (extensions.xclient) lines.push("XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT");
  if (extensions.xforward) lines.push("XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE");
  return lines;
}
