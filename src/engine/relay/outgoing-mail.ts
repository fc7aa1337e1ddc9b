/** A transaction of a relay as its client session sends it, and what it asks of the server. */
import type { ClientMail, MailNeeds } from "#protocols/smtp/client-session-mail.ts";
import type { MailUrgency } from "#protocols/smtp/client-session-urgency.ts";
import type { DeliveryTask } from "#model/delivery.ts";
import type { Message, Terms } from "#model/envelope.ts";
import type { SendOutcome } from "#engine/client/client-settings.ts";
import { noticesOf } from "./notices.ts";

/** @param reversePath under which it is sent. */
export function mailOf(
  reversePath: string,
  { message, envelopes, text }: DeliveryTask,
): ClientMail {
  const notices = noticesOf(message, envelopes);
  const urgency = message.terms && urgencyOf(message.terms);
  return {
    reversePath,
    forwardPaths: envelopes.map(({ destination }) => destination),
    textBytes: text.bytes,
    is8bit: message.is8bit,
    ...((message.terms || message.is8bit) && { needs: needsOf(message) }),
    ...(notices && { notices }),
    ...(urgency && { urgency }),
  };
}

function needsOf({ terms, is8bit }: Message): MailNeeds {
  const isBinary = terms?.isBinary ?? false;
  return {
    utf8: terms?.utf8 ?? false,
    eightBit: is8bit && !isBinary,
    binary: isBinary,
    requireTls: terms?.tls === "required",
  };
}

/** Undefined: it is as any mail. What is held back (FUTURERELEASE) has been held back here. */
function urgencyOf({ deliverBy, priority }: Terms): MailUrgency | undefined {
  return deliverBy === undefined && priority === 0 ? undefined : { deliverBy, priority };
}

/** The server does not say 8BITMIME, and was not sent what was said to need it. */
export function lacks8bit(sent: SendOutcome): boolean {
  if (sent.kind === "not-started") return false;
  const [verdict] = sent.verdicts;
  return verdict?.kind === "unsendable" && verdict.why === "needs-8bit";
}

/** The same mail, of which it is known that it keeps to ASCII. */
export function withoutEightBit(mail: ClientMail): ClientMail {
  const { needs, ...rest } = mail;
  return { ...rest, is8bit: false, ...(needs && { needs: { ...needs, eightBit: false } }) };
}

/** The server was told by when the mail is to be delivered. */
export function keepsTime({ urgency }: ClientMail, sent: SendOutcome): boolean {
  return urgency?.deliverBy !== undefined && sent.kind === "verdicts" && sent.keepsTime;
}
