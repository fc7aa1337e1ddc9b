/**
 * The replies of the server that do not depend on the moment, by name.
 *
 * Codes and words are OpenSMTPD's (smtp_session.c), with an enhanced code wherever
 * RFC 2034 §4 wants one. The word before the colon is the enhanced code's meaning
 * in RFC 3463.
 *
 * Source: RFC 5321 §4.2.3 (codes); RFC 3463 (enhanced codes); RFC 2034.
 */
import type { Reply } from "./reply.ts";

function reply(code: number, enhanced: string | undefined, text: string): Reply {
  return Object.freeze({ code, enhanced, text });
}

export const OK: Reply = reply(250, "2.0.0", "Ok");
export const RECIPIENT_OK: Reply = reply(250, "2.1.5", "Destination address valid: Recipient ok");
export const RESET: Reply = reply(250, "2.0.0", "Reset state");
export const GOODBYE: Reply = reply(221, "2.0.0", "Bye");
export const SEND_MESSAGE: Reply = reply(
  354,
  undefined,
  'Enter mail, end with "." on a line by itself',
);
export const CANNOT_VERIFY: Reply = reply(
  252,
  "2.5.2",
  "Cannot verify: Send mail, delivery will be tried",
);

export const LINE_TOO_LONG: Reply = reply(500, "5.0.0", "Command line too long");
export const BARE_NEWLINE: Reply = reply(500, "5.5.2", "Syntax error: Bare CR or LF");
export const BAD_CHARACTER: Reply = reply(500, "5.5.2", "Syntax error: Illegal character");
export const UNRECOGNIZED: Reply = reply(500, "5.5.1", "Invalid command: Command unrecognized");
export const NOT_IMPLEMENTED: Reply = reply(
  502,
  "5.5.1",
  "Invalid command: Command not implemented",
);
export const NOT_SUPPORTED: Reply = reply(503, "5.5.1", "Invalid command: Command not supported");
export const BAD_SEQUENCE: Reply = reply(
  503,
  "5.5.1",
  "Invalid command: Command not allowed at this point.",
);
export const NO_ARGUMENTS: Reply = reply(
  500,
  "5.5.4",
  "Invalid command arguments: command does not accept arguments.",
);
export const BAD_DOMAIN: Reply = reply(
  501,
  "5.5.4",
  "Invalid command arguments: Invalid domain name",
);
export const BAD_PARAMETER: Reply = reply(501, "5.5.4", "Invalid command arguments: Bad parameter");
export const BAD_REVERSE_PATH: Reply = reply(553, "5.1.0", "Sender address syntax error");
export const BAD_FORWARD_PATH: Reply = reply(501, "5.1.3", "Recipient address syntax error");
/** RFC 6531 §3.5: what an internationalised address gets where SMTPUTF8 is not offered. */
export const NON_ASCII_ADDRESS: Reply = reply(
  553,
  "5.6.7",
  "Non-ASCII addresses not permitted: SMTPUTF8 is not offered",
);

export const TOO_MANY_MAILS: Reply = reply(
  452,
  "4.5.3",
  "Too many recipients: Too many messages sent",
);
/** RFC 5321 §4.5.3.1.10 wants 452 here; OpenSMTPD says 451. */
export const TOO_MANY_RECIPIENTS: Reply = reply(
  452,
  "4.5.3",
  "Too many recipients: Too many recipients",
);
export const NO_RECIPIENTS: Reply = reply(
  503,
  "5.5.4",
  "Invalid command arguments: No recipient specified",
);
/** RFC 1870 §6.1: the declared size is over the limit. */
export const DECLARED_TOO_BIG: Reply = reply(
  552,
  "5.3.4",
  "Message too big for system: Declared size is over the limit",
);

export const NO_ROOM: Reply = reply(452, "4.3.1", "Mail system full: Try again later");
export const TEMPORARY_FAILURE: Reply = reply(451, "4.3.0", "Temporary failure");

export const MESSAGE_TOO_BIG: Reply = reply(
  554,
  "5.3.4",
  "Message too big for system: Transaction failed, message too big",
);
export const ROUTING_LOOP: Reply = reply(500, "5.4.6", "Routing loop detected: Loop detected");
export const MALFORMED_MESSAGE: Reply = reply(
  550,
  "5.7.1",
  "Delivery not authorized, message refused: Message is not RFC 2822 compliant",
);
export const BAD_MESSAGE_BYTES: Reply = reply(
  550,
  "5.6.0",
  "Media error: Message contains a bare CR, a bare LF or a NUL",
);

// Answers about one recipient.

export function invalidRecipient(forwardPath: string): Reply {
  return reply(550, "5.1.1", `Invalid recipient: <${forwardPath}>`);
}

export function recipientLater(forwardPath: string): Reply {
  return reply(451, "4.3.0", `Temporary failure: <${forwardPath}>`);
}

/** OpenSMTPD has 524 and 424, which are no codes of RFC 5321 §4.2.3. */
export function noExpansion(forwardPath: string): Reply {
  return reply(550, "5.2.4", `Mailing list expansion problem: <${forwardPath}>`);
}

export function noExpansionNow(forwardPath: string): Reply {
  return reply(451, "4.2.4", `Mailing list expansion problem: <${forwardPath}>`);
}

/**
 * The words of an `error:` node, which may begin with an enhanced code of their own. One of
 * another class than the code's is no code (RFC 2034 §4), but the beginning of the words.
 *
 * @param code 400 to 599.
 */
export function saidOfRecipient(forwardPath: string, code: number, words: string): Reply {
  const digit = Math.floor(code / 100);
  const [, enhanced, text] = /^([45]\.\d{1,3}\.\d{1,3}) (.+)$/u.exec(words) ?? [];
  if (text !== undefined && enhanced?.startsWith(`${digit}.`) === true)
    return reply(code, enhanced, `${text}: <${forwardPath}>`);
  return reply(code, `${digit}.0.0`, `${words}: <${forwardPath}>`);
}
