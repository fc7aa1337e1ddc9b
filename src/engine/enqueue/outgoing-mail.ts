/**
 * What a local program asks for with a message, apart from its text: read from its arguments
 * and from the headers, and complete. The daemon is told no more than this, now or later.
 */
import type { MailNotices } from "#protocols/smtp/client-session-mail.ts";
import type { NotifyWord } from "#protocols/smtp/rcpt-options.ts";

/** Of one message. */
export const MAX_RECIPIENTS = 100_000;

export interface OutgoingMail {
  /** In canonical text, with a domain; "" is the null reverse-path. */
  readonly reversePath: string;
  /** At least one; each in canonical text, with a domain, and once. */
  readonly forwardPaths: readonly string[];
  /** For every recipient; undefined: nothing was said. */
  readonly notify: readonly NotifyWord[] | undefined;
  readonly returns: MailNotices["returns"];
  /** In xtext, or "". */
  readonly envelopeId: string;
  /** Its text has octets beyond ASCII. */
  readonly is8bit: boolean;
}
