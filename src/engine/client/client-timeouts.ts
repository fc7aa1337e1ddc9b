/**
 * How long a client waits for a server, by what it waits for. The minimums of
 * RFC 5321 §4.5.3.2, which are our values too; a shorter wait for the reply to the
 * final dot makes duplicates (RFC 1047).
 */
import { unreachable } from "#base/unreachable.ts";
import type { ClientSession } from "#protocols/smtp/client-session-state.ts";

const MINUTE_MS = 60_000;

export interface ClientTimeouts {
  readonly connectMs: number;
  readonly greetingMs: number;
  /** EHLO, MAIL and RCPT. */
  readonly commandMs: number;
  readonly dataMs: number;
  /** For the server to take each block of text. */
  readonly blockMs: number;
  readonly endMs: number;
  /** RSET and QUIT, on which no mail depends. */
  readonly courtesyMs: number;
}

export const CLIENT_TIMEOUTS: ClientTimeouts = Object.freeze({
  connectMs: MINUTE_MS / 2,
  greetingMs: 5 * MINUTE_MS, // §4.5.3.2.1
  commandMs: 5 * MINUTE_MS, // §4.5.3.2.2, §4.5.3.2.3
  dataMs: 2 * MINUTE_MS, // §4.5.3.2.4
  blockMs: 3 * MINUTE_MS, // §4.5.3.2.5
  endMs: 10 * MINUTE_MS, // §4.5.3.2.6
  courtesyMs: MINUTE_MS / 2,
});

/** How long the server may take now; undefined where nothing is awaited. */
export function timeoutMs(session: ClientSession, timeouts: ClientTimeouts): number | undefined {
  switch (session.phase) {
    case "greeting":
      return timeouts.greetingMs;
    case "hello":
    case "mail":
    case "rcpt":
      return timeouts.commandMs;
    case "data":
      return timeouts.dataMs;
    case "text":
      return timeouts.blockMs;
    case "end":
    case "lone-dot":
      return timeouts.endMs;
    case "reset":
    case "quit":
      return timeouts.courtesyMs;
    case "ready":
    case "closed":
      return undefined;
    default:
      return unreachable(session);
  }
}
