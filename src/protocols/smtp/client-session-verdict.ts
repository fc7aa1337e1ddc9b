/**
 * What a client session found out about one recipient, and how it words it.
 */
import { unreachable } from "#base/unreachable.ts";
import type { ReceivedReply } from "./reply-parser.ts";

/** Where a session stands, in the words of smtp(1). */
export type Stage =
  | "CONNECT"
  | "BANNER"
  | "EHLO"
  | "HELO"
  | "LHLO"
  | "STARTTLS"
  | "TLS"
  | "AUTH"
  | "READY"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "BODY"
  | "EOM"
  | "RSET"
  | "QUIT";

/** Why a mail is not given to a server: what would be lost, or is refused for sure. */
export type UnsendableReason =
  | "too-large"
  | "bad-address"
  | "needs-utf8"
  | "needs-8bit"
  | "needs-binary"
  | "needs-tls"
  /** It goes back at a time that the server does not keep, or that is too near for it. */
  | "needs-deliver-by"
  | "too-late";

/** Why a session came to its end too early. */
export interface ClientFault {
  /**
   * - "network": the connection could not be opened, or broke
   * - "outrun": the connection was given up, as another address of the server answered first
   * - "closed": the server closed it in order
   * - "timeout": the server did not answer, or took no bytes, for too long
   * - "protocol": the server did not speak SMTP
   * - "text": the text could not be read
   * - "busy": there was no connection to be had on our side
   * - "refusals": the server refused so many recipients in a row that it was asked for no more
   * - "loop": the server is ourselves
   * - "no-tls": TLS is required, and the server does not offer it
   * - "tls": the handshake failed, or the server is not the one that is meant
   * - "resumption": the handshake failed where a session was to be taken up again
   * - "auth": there is no way to authenticate, or the exchange went wrong
   * - "chunks": the server offers BDAT and does not know it
   */
  readonly kind:
    | "network"
    | "outrun"
    | "closed"
    | "timeout"
    | "protocol"
    | "text"
    | "busy"
    | "refusals"
    | "loop"
    | "no-tls"
    | "tls"
    | "resumption"
    | "auth"
    | "chunks";
  readonly message: string;
}

export type Verdict =
  | { readonly kind: "accepted"; readonly stage: Stage; readonly reply: ReceivedReply }
  /** 4xx or 5xx. */
  | { readonly kind: "refused"; readonly stage: Stage; readonly reply: ReceivedReply }
  | { readonly kind: "undecided"; readonly stage: Stage; readonly fault: ClientFault }
  /** Not sent, because this server cannot take it. */
  | { readonly kind: "unsendable"; readonly why: UnsendableReason };

export function protocolFault(message: string): ClientFault {
  return { kind: "protocol", message };
}

/**
 * The verdicts of a transaction that broke off. A server that mixed up its replies
 * is believed in nothing (RFC 2920 §3.1); else a refusal stays one. What came after
 * the text is each recipient's own reply and always counts.
 */
export function verdictsWhenBroken(
  verdicts: readonly Verdict[],
  broken: { readonly stage: Stage; readonly fault: ClientFault },
): readonly Verdict[] {
  const undecided: Verdict = { kind: "undecided", ...broken };
  return verdicts.map((verdict) => {
    if (verdict.kind === "undecided") return undecided;
    const answeredText = verdict.kind !== "unsendable" && verdict.stage === "EOM";
    return broken.fault.kind === "protocol" && !answeredText ? undecided : verdict;
  });
}

/** `250 2.1.5 Recipient ok`: a reply on one line. Enhanced codes are said once. */
function formatReceivedReply(reply: ReceivedReply): string {
  const enhanced = enhancedStatus(reply);
  const texts = reply.lines.map((line, index) =>
    index > 0 && enhanced !== undefined && line.startsWith(`${enhanced} `)
      ? line.slice(enhanced.length + 1)
      : line,
  );
  return `${reply.code} ${texts.join(" ")}`.trimEnd();
}

const ENHANCED = /^([245])\.\d{1,3}\.\d{1,3}(?= |$)/;

/** The enhanced status code of a reply, if it has one of the same class. Source: RFC 2034 §4. */
export function enhancedStatus(reply: ReceivedReply): string | undefined {
  const match = ENHANCED.exec(reply.lines[0] ?? "");
  return match !== null && match[1] === String(reply.code)[0] ? match[0] : undefined;
}

/** A verdict in one printable line. */
export function formatVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case "accepted":
    case "refused":
      return formatReceivedReply(verdict.reply);
    case "undecided":
      return `${verdict.fault.message} (at ${verdict.stage})`;
    case "unsendable":
      return UNSENDABLE[verdict.why];
    default:
      return unreachable(verdict);
  }
}

const UNSENDABLE = {
  "too-large": "Message is larger than the server takes",
  "bad-address": "Address cannot be sent over SMTP",
  "needs-utf8": "Message needs SMTPUTF8, which the server does not offer",
  "needs-8bit": "Message needs 8BITMIME, which the server does not offer",
  "needs-binary": "Message needs BINARYMIME, which the server does not offer",
  "needs-tls": "Message requires TLS, which this server does not promise to go on with",
  "needs-deliver-by": "Message needs DELIVERBY, which the server does not offer",
  "too-late": "Message cannot be delivered by the time that its sender has set",
} as const;
