/**
 * The states of a client session, what can happen to it, and what it asks its
 * driver to do. One member for each phase, with just the data that the phase has.
 *
 * Source: RFC 5321 §3.3 (mail transactions); RFC 2033 §4.2 (replies of LMTP).
 */
import type { ClientCredentials, ClientExchange } from "#protocols/sasl/client-exchange.ts";
import type { ChunkedBody } from "./chunk-encoder.ts";
import type { Extensions } from "./client-session-extensions.ts";
import type { ClientMail } from "./client-session-mail.ts";
import type { ClientFault, Stage, Verdict } from "./client-session-verdict.ts";
import type { ReceivedReply } from "./reply-parser.ts";

export type Dialect = "smtp" | "lmtp";

/** TLS of a session, from what is wanted to what there is. */
export type ClientTls =
  | "never"
  | "if-offered"
  | "required"
  /** It is on. */
  | "encrypted"
  /** It is on, and the server has shown that it is the one that is meant. */
  | "proven";

/** A session that has still to introduce itself. */
export interface Introduction {
  readonly dialect: Dialect;
  readonly helo: string;
  readonly tls: ClientTls;
  /** Shown under TLS alone; undefined: the server takes our mail without. */
  readonly credentials: ClientCredentials | undefined;
}

/** With a server that refuses one recipient after the other: it is asked for no more then. */
export interface Patience {
  /** Refused in a row; Infinity: no limit. */
  readonly max: number;
  /** Those of earlier mails of the session. */
  readonly used: number;
}

export const ENDLESS_PATIENCE: Patience = Object.freeze({ max: Infinity, used: 0 });

/** The mail transaction under way. */
export interface ClientTransaction {
  readonly mail: ClientMail;
  /** The whole group was sent; else one command at a time. */
  readonly pipelined: boolean;
  /** The text goes by BDAT, which needs no leave: there is no DATA. */
  readonly chunked: boolean;
  /** Chunks before the last that were not answered yet. */
  readonly chunksOwed: number;
  /** The reply that refused MAIL, DATA, or ended the text early: it concerns every recipient. */
  readonly refusal: { readonly stage: Stage; readonly reply: ReceivedReply } | undefined;
  readonly patience: Patience;
  /** Replies to RCPT, in order, as far as they came. */
  readonly rcptReplies: readonly ReceivedReply[];
  /** Replies after the text: one, or in LMTP one for each accepted recipient. */
  readonly endReplies: readonly ReceivedReply[];
}

/** A session whose server has told what it offers. */
export interface Greeted {
  readonly dialect: Dialect;
  readonly tls: ClientTls;
  readonly extensions: Extensions;
}

/** A session in a transaction. */
export interface Busy extends Greeted {
  readonly tx: ClientTransaction;
}

export type ClientSession =
  | (Introduction & {
      readonly phase: "greeting";
      /** A server that greets by this name is ourselves; undefined where that may be meant. */
      readonly ownName: string | undefined;
    })
  | (Introduction & { readonly phase: "hello"; readonly verb: "EHLO" | "HELO" | "LHLO" })
  | (Introduction & { readonly phase: "starttls" })
  /** The driver shakes hands; whatever comes in the clear is an error. */
  | (Introduction & { readonly phase: "securing" })
  | (Greeted & { readonly phase: "auth"; readonly exchange: ClientExchange })
  | (Greeted & { readonly phase: "ready" })
  /** Waiting for the reply to this command. */
  | (Busy & { readonly phase: "mail" | "rcpt" | "data" })
  /** The driver sends the text. */
  | (Busy & { readonly phase: "text" })
  /** The final dot is sent; "lone-dot" ends a group whose recipients were all refused. */
  | (Busy & { readonly phase: "end" | "lone-dot" })
  | (Greeted & { readonly phase: "reset"; readonly verdicts: readonly Verdict[] })
  | { readonly phase: "quit" }
  | { readonly phase: "closed" };

/** A mail, and when and with how much patience it is begun. */
export interface BeginningMail {
  readonly mail: ClientMail;
  readonly nowMs: number;
  readonly patience: Patience;
}

export type ClientEvent =
  /** All that one read brought, and the fault that ended it. */
  | {
      readonly type: "replies";
      readonly replies: readonly ReceivedReply[];
      readonly fault: ClientFault | undefined;
    }
  /** Answers "secure"; a handshake that failed, or a server that will not do, is "broken". */
  | { readonly type: "secured"; readonly isProven: boolean }
  /** Only while the session is "ready". `nowMs`: since 1970. */
  | ({ readonly type: "mail" } & BeginningMail)
  /** A chunk leaves that is not the last; only where `mayChunk`. */
  | { readonly type: "chunk-sent" }
  /** Answers "send-text"; the final dot, or the last chunk, has been sent. */
  | { readonly type: "text-sent" }
  /** The connection broke, ran out of time, or the text could not be read. */
  | { readonly type: "broken"; readonly fault: ClientFault }
  | { readonly type: "quit" };

export type ClientAction =
  /** Command lines, each with its CRLF, to be written at once. */
  | { readonly type: "send"; readonly commands: string }
  /** A line with its CRLF that nobody may see; `shown` is what a trace says of it. */
  | { readonly type: "send-secret"; readonly line: string; readonly shown: string }
  /** Shake hands, if nothing more has come than the session was told; then "secured" or "broken". */
  | { readonly type: "secure" }
  /**
   * The text: dot-stuffed and with its end, or as it is behind BDAT; answered by "text-sent" or
   * "broken".
   */
  | { readonly type: "send-text"; readonly by: "DATA" }
  | { readonly type: "send-text"; readonly by: "BDAT"; readonly body: ChunkedBody }
  /** A message can be sent now. */
  | { readonly type: "ready"; readonly extensions: Extensions }
  /** The server will not talk to us. */
  | { readonly type: "refused"; readonly stage: Stage; readonly reply: ReceivedReply }
  /** The server never got as far as "ready". */
  | { readonly type: "unreachable"; readonly stage: Stage; readonly fault: ClientFault }
  /** What became of each recipient, in order. Ends the mail. */
  | { readonly type: "verdicts"; readonly verdicts: readonly Verdict[] }
  /** Nothing of the mail was answered: it may be sent again elsewhere. Ends the mail. */
  | { readonly type: "not-started"; readonly verdict: Verdict }
  /** Close the connection; nothing is sent any more. */
  | { readonly type: "close" };

export type ClientTransition = readonly [next: ClientSession, ...actions: ClientAction[]];

/** 421 means that the server closes the connection, whatever was asked (RFC 5321 §3.8). */
export const SERVICE_CLOSING = 421;
/** 521 means that the server takes no mail, now or later (RFC 7504). */
export const TAKES_NO_MAIL = 521;

export const CLOSED: ClientSession = { phase: "closed" };
export const CLOSE: ClientAction = { type: "close" };
export const QUIT: ClientAction = { type: "send", commands: "QUIT\r\n" };

type Phase = ClientSession["phase"];
export type Introducing = Extract<
  ClientSession,
  { phase: "greeting" | "hello" | "starttls" | "securing" | "auth" }
>;

const INTRODUCING: readonly Phase[] = ["greeting", "hello", "starttls", "securing", "auth"];

/** A session that has not been "ready" yet. */
export function isIntroducing(session: ClientSession): session is Introducing {
  return INTRODUCING.includes(session.phase);
}

const STAGES: Readonly<Record<Exclude<Phase, "hello">, Stage>> = {
  greeting: "BANNER",
  starttls: "STARTTLS",
  securing: "TLS",
  auth: "AUTH",
  ready: "READY",
  mail: "MAIL",
  rcpt: "RCPT",
  data: "DATA",
  text: "BODY",
  end: "EOM",
  "lone-dot": "EOM",
  reset: "RSET",
  quit: "QUIT",
  closed: "QUIT",
};

/** The stage that a session is in, as people read it. */
export function stageOf(session: ClientSession): Stage {
  return session.phase === "hello" ? session.verb : STAGES[session.phase];
}

const ANSWERED_ONCE: readonly Phase[] = [
  "greeting",
  "hello",
  "starttls",
  "auth",
  "data",
  "lone-dot",
  "reset",
  "quit",
];

/** How many replies the server owes us. */
export function outstanding(session: ClientSession): number {
  const { phase } = session;
  if (phase === "mail" || phase === "rcpt") return outstandingOfGroup(session);
  if (phase === "text") return session.tx.chunksOwed;
  if (phase === "end") {
    const { chunksOwed, endReplies } = session.tx;
    return chunksOwed + endRepliesWanted(session) - endReplies.length;
  }
  return ANSWERED_ONCE.includes(phase) ? 1 : 0;
}

/** The rest of MAIL, RCPT and DATA where they left together: of who wants all or nothing DATA waits. */
function outstandingOfGroup({
  phase,
  tx,
}: Busy & { readonly phase: "mail" | "rcpt" | "data" }): number {
  if (!tx.pipelined) return 1;
  const hasData = !tx.chunked && tx.mail.isIndivisible !== true;
  return (phase === "mail" ? 1 : 0) + rcptsLeft(tx) + (hasData ? 1 : 0);
}

/** How many chunks may leave ahead of their answers, where the server takes commands in groups. */
const MAX_CHUNKS_AHEAD = 16;

/** Whether another chunk may leave, be it the last. */
export function mayChunk({ chunksOwed, pipelined }: ClientTransaction): boolean {
  return chunksOwed < (pipelined ? MAX_CHUNKS_AHEAD : 1);
}

export function endRepliesWanted(session: Busy): number {
  return session.dialect === "lmtp" ? acceptedCount(session.tx) : 1;
}

export function acceptedCount(tx: ClientTransaction): number {
  return tx.rcptReplies.filter(isPositive).length;
}

/** Recipients refused one after the other, up to now. */
function refusedInRow({ patience, rcptReplies }: ClientTransaction): number {
  const last = rcptReplies.findLastIndex(isPositive);
  return last < 0 ? patience.used + rcptReplies.length : rcptReplies.length - 1 - last;
}

/** Whether the server is asked for the next recipient; of a group it has been asked already. */
export function asksMore(tx: ClientTransaction): boolean {
  return rcptsLeft(tx) > 0 && (tx.pipelined || refusedInRow(tx) < tx.patience.max);
}

export function rcptsLeft(tx: ClientTransaction): number {
  return tx.mail.forwardPaths.length - tx.rcptReplies.length;
}

export function ready(session: Greeted): ClientSession {
  const { dialect, tls, extensions } = session;
  return { phase: "ready", dialect, tls, extensions };
}

export function isPositive(reply: ReceivedReply): boolean {
  return reply.code < 300;
}

export function isIntermediate(reply: ReceivedReply): boolean {
  return reply.code >= 300 && reply.code < 400;
}
