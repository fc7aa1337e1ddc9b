/**
 * What the next server is told of the notices that a sender wants, if it offers DSN.
 *
 * Source: RFC 3461 §5.2.1; RFC 6533 §3 (addresses beyond ASCII).
 */
import type { MailNotices } from "#protocols/smtp/client-session-mail.ts";
import { NO_RCPT_OPTIONS, type RcptOptions } from "#protocols/smtp/rcpt-options.ts";
import { encodeUtf8Address, encodeXtext, utf8AddressInAscii } from "#protocols/smtp/xtext.ts";
import type { Envelope, Message } from "#model/envelope.ts";

/** Undefined where nothing was asked and no recipient has another name than the sender gave it. */
export function noticesOf(
  { terms }: Message,
  envelopes: readonly Envelope[],
): MailNotices | undefined {
  if (terms === undefined && envelopes.every(isPlain)) return undefined;
  return {
    returns: terms?.returns,
    envelopeId: terms?.envelopeId ?? "",
    recipients: envelopes.map(optionsOf),
  };
}

function isPlain({ terms, forwardPath, destination }: Envelope): boolean {
  return terms === undefined && forwardPath === destination;
}

function optionsOf(envelope: Envelope): RcptOptions {
  if (isPlain(envelope)) return NO_RCPT_OPTIONS;
  return { notify: envelope.terms?.notify, originalRecipient: originalRecipient(envelope) };
}

/** What the client said, in ASCII; else the name that the recipient had before expansion. */
function originalRecipient({ terms, forwardPath, destination }: Envelope): string {
  const said = terms?.originalRecipient ?? "";
  if (said !== "") return utf8AddressInAscii(said);
  if (forwardPath === destination) return "";
  const isAscii = /^[ -~]*$/.test(forwardPath);
  return isAscii ? `rfc822;${encodeXtext(forwardPath)}` : `utf-8;${encodeUtf8Address(forwardPath)}`;
}
