/** A transaction of a relay as its client session sends it, and what it asks of the server. */
import type { ClientMail, MailNeeds } from "#protocols/smtp/client-session-mail.ts";
import type { DeliveryTask } from "#model/delivery.ts";
import type { Message } from "#model/envelope.ts";
import type { SendOutcome } from "#engine/client/client-settings.ts";
import { noticesOf } from "./notices.ts";

/** @param reversePath under which it is sent. */
export function mailOf(
  reversePath: string,
  { message, envelopes, text }: DeliveryTask,
): ClientMail {
  const notices = noticesOf(message, envelopes);
  return {
    reversePath,
    forwardPaths: envelopes.map(({ destination }) => destination),
    textBytes: text.bytes,
    is8bit: message.is8bit,
    ...((message.terms || message.is8bit) && { needs: needsOf(message) }),
    ...(notices && { notices }),
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
