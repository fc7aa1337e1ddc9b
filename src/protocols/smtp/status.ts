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
/** RFC 3207 §4. */
export const READY_FOR_TLS: Reply = reply(220, "2.0.0", "Ready to start TLS");
export const TLS_FIRST: Reply = reply(
  530,
  "5.5.1",
  "Invalid command: Must issue a STARTTLS command first",
);
export const ALREADY_SECURED: Reply = reply(
  503,
  "5.5.1",
  "Invalid command: Channel already secured",
);
/** RFC 3207 §4: of any parameter. */
export const NO_TLS_PARAMETERS: Reply = reply(
  501,
  "5.5.4",
  "Invalid command arguments: No parameters allowed",
);
/** RFC 3207 §4.2, RFC 2920 §3.1: nothing may follow in the clear. */
export const NOTHING_AFTER_STARTTLS: Reply = reply(
  501,
  "5.5.1",
  "Invalid command: Nothing may follow STARTTLS",
);
/** XCLIENT and XFORWARD of somebody who is not listed; the word of Postfix. */
export const NOT_AUTHORIZED: Reply = reply(550, "5.7.0", "Error: insufficient authorization");
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
// Authentication: RFC 4954 §4, §6. Words are OpenSMTPD's where it has them.

export const AUTHENTICATED: Reply = reply(235, "2.0.0", "Authentication succeeded");
export const AUTH_FIRST: Reply = reply(
  530,
  "5.5.1",
  "Invalid command: Must issue an AUTH command first",
);
export const ALREADY_AUTHENTICATED: Reply = reply(
  503,
  "5.5.1",
  "Invalid command: Already authenticated",
);
export const NO_MECHANISM: Reply = reply(
  501,
  "5.5.4",
  "Invalid command arguments: No parameters given",
);
export const BAD_RESPONSE: Reply = reply(501, "5.5.2", "Syntax error: Syntax error");
export const AUTH_CANCELLED: Reply = reply(501, "5.7.0", "Authentication cancelled");
/** For an unknown user and for a wrong password alike. */
export const BAD_CREDENTIALS: Reply = reply(535, "5.7.8", "Authentication failed");
/** OpenSMTPD says 421 here, which would have to end the session (RFC 5321 §3.8). */
export const AUTH_LATER: Reply = reply(454, "4.7.0", "Temporary authentication failure");

export function unknownMechanism(name: string): Reply {
  const text = `Security features not supported: AUTH method "${name.slice(0, 20)}" not supported`;
  return reply(504, "5.7.4", text);
}

/** The sender is none that `senders` lists for the user. */
export const SENDER_REJECTED: Reply = reply(530, "5.7.1", "Sender rejected");

export const BAD_DOMAIN: Reply = reply(
  501,
  "5.5.4",
  "Invalid command arguments: Invalid domain name",
);
export const BAD_PARAMETER: Reply = reply(501, "5.5.4", "Invalid command arguments: Bad parameter");
export const HELD_TOO_LONG: Reply = reply(
  501,
  "5.5.4",
  "Invalid command arguments: Held for longer than is offered",
);
export const NEVER_AND_MORE: Reply = reply(
  553,
  "5.5.4",
  "NOTIFY option NEVER cannot be combined with other options",
);
export const BAD_ORIGINAL_RECIPIENT: Reply = reply(553, "5.5.4", "ORCPT address syntax error");

export function optionTooLarge(value: string): Reply {
  const text = `Invalid command arguments: option too large, truncated: ${value.slice(0, 100)}`;
  return reply(503, "5.5.4", text);
}

export const BAD_REVERSE_PATH: Reply = reply(553, "5.1.0", "Sender address syntax error");
export const BAD_FORWARD_PATH: Reply = reply(501, "5.1.3", "Recipient address syntax error");
/** RFC 6531 §3.5: what an internationalised address gets where MAIL had no SMTPUTF8. */
export const NON_ASCII_ADDRESS: Reply = reply(
  553,
  "5.6.7",
  "Non-ASCII addresses not permitted: SMTPUTF8 was not asked for",
);
/** RFC 3030 §3. */
export const WANTS_BDAT: Reply = reply(503, "5.5.1", "Invalid command: BINARYMIME wants BDAT");

export function chunkReceived(octets: number): Reply {
  return reply(250, "2.0.0", `${octets} octets received`);
}

export const BAD_CHUNK: Reply = reply(501, "5.5.4", "Invalid command arguments: Bad chunk size");

export const TOO_MANY_MAILS: Reply = reply(
  452,
  "4.5.3",
  "Too many recipients: Too many messages sent",
);
/** Of a user of this machine. RFC 3463 §3.8: 4.7.0, for reasons of policy. */
export const TOO_MANY_OF_USER: Reply = reply(
  452,
  "4.7.0",
  "Too many messages of yours in a short time",
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
