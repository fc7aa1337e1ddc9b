/**
 * How long a client waits for a server, by what it waits for. The minimums of
 * RFC 5321 §4.5.3.2, which are our values too; a shorter wait for the reply to the
 * final dot makes duplicates (RFC 1047).
 */
import type { ClientSession } from "#protocols/smtp/client-session-state.ts";

const MINUTE_MS = 60_000;

export interface ClientTimeouts {
  readonly connectMs: number;
  readonly handshakeMs: number;
  readonly greetingMs: number;
  /** EHLO, STARTTLS, AUTH, MAIL and RCPT. */
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
  handshakeMs: MINUTE_MS,
  greetingMs: 5 * MINUTE_MS, // §4.5.3.2.1
  commandMs: 5 * MINUTE_MS, // §4.5.3.2.2, §4.5.3.2.3
  dataMs: 2 * MINUTE_MS, // §4.5.3.2.4
  blockMs: 3 * MINUTE_MS, // §4.5.3.2.5
  endMs: 10 * MINUTE_MS, // §4.5.3.2.6
  courtesyMs: MINUTE_MS / 2,
});

/** What is awaited, by phase; undefined where nothing is. */
const AWAITED: Readonly<Record<ClientSession["phase"], keyof ClientTimeouts | undefined>> = {
  greeting: "greetingMs",
  hello: "commandMs",
  starttls: "commandMs",
  // A handshake keeps its own time.
  securing: undefined,
  auth: "commandMs",
  ready: undefined,
  mail: "commandMs",
  rcpt: "commandMs",
  data: "dataMs",
  text: "blockMs",
  end: "endMs",
  "lone-dot": "endMs",
  reset: "courtesyMs",
  quit: "courtesyMs",
  closed: undefined,
};

/** How long the server may take now; undefined where nothing is awaited. */
export function timeoutMs({ phase }: ClientSession, timeouts: ClientTimeouts): number | undefined {
  const awaited = AWAITED[phase];
  return awaited && timeouts[awaited];
}
