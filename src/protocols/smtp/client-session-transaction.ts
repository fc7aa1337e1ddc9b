/**
 * The mail transaction of a client session: MAIL, RCPT for each recipient, DATA, the
 * text, and the replies to them, as one pipelined group or one after the other; or BDAT in the
 * place of DATA and the text.
 *
 * Source: RFC 5321 §3.3; RFC 2920 §3.1 (client's part); RFC 3030 §2 (BDAT); RFC 2033 §4.2 (LMTP).
 */
import { breakOff, finish, refuseAll, verdictsOf } from "./client-session-ending.ts";
import type { Extensions } from "./client-session-extensions.ts";
import { type ClientMail, localRefusal, mailCommand, rcptCommand } from "./client-session-mail.ts";
import {
  acceptedCount,
  asksMore,
  type BeginningMail,
  type Busy,
  CLOSE,
  CLOSED,
  type ClientAction,
  type ClientSession,
  type ClientTransaction,
  type ClientTransition,
  endRepliesWanted,
  isIntermediate,
  isPositive,
  mayChunk,
  QUIT,
  rcptsLeft,
  ready,
  SERVICE_CLOSING,
} from "./client-session-state.ts";
import { type ClientFault, protocolFault, type Stage } from "./client-session-verdict.ts";
import type { ReceivedReply } from "./reply-parser.ts";

export function startMail(
  session: Extract<ClientSession, { phase: "ready" }>,
  { mail, nowMs, patience }: BeginningMail,
): ClientTransition {
  const { extensions } = session;
  const refusal = localRefusal(mail, session, nowMs);
  if (refusal !== undefined) {
    return [session, { type: "verdicts", verdicts: mail.forwardPaths.map(() => refusal) }];
  }
  const tx: ClientTransaction = {
    mail,
    pipelined: extensions.pipelining,
    chunked: isChunked(mail, extensions),
    chunksOwed: 0,
    refusal: undefined,
    patience,
    rcptReplies: [],
    endReplies: [],
  };
  let commands = mailCommand(mail, extensions, nowMs);
  if (tx.pipelined) {
    for (const index of mail.forwardPaths.keys()) commands += rcptCommand(mail, index, extensions);
    if (!tx.chunked && mail.isIndivisible !== true) commands += "DATA\r\n";
  }
  return [
    { ...session, phase: "mail", tx },
    { type: "send", commands },
  ];
}

/**
 * From this size on a text leaves in chunks where they are offered, so that a server that will
 * not have it need not be sent all of it.
 */
export const CHUNKED_FROM_BYTES: number = 1024 * 1024;

/** RFC 3030 §3: what is not of lines cannot end in one. */
function isChunked(mail: ClientMail, { chunking }: Extensions): boolean {
  if (mail.needs?.binary === true) return true;
  return chunking && mail.chunks !== "never" && mail.textBytes >= CHUNKED_FROM_BYTES;
}

export function takeMailReply(
  session: Busy & { readonly phase: "mail" | "rcpt" | "data" },
  reply: ReceivedReply,
): ClientTransition {
  if (reply.code === SERVICE_CLOSING) {
    // Most often a connection that idled too long: nothing was accepted.
    return [
      CLOSED,
      { type: "not-started", verdict: { kind: "refused", stage: "MAIL", reply } },
      CLOSE,
    ];
  }
  if (isIntermediate(reply)) return breakOff(session, unexpected("MAIL", reply));
  const refusal = isPositive(reply) ? undefined : ({ stage: "MAIL", reply } as const);
  const tx = { ...session.tx, refusal };
  if (refusal !== undefined && !tx.pipelined) return finish({ ...session, tx }, ready(session));
  return nextRcpt({ ...session, phase: "rcpt", tx });
}

function nextRcpt(session: Busy & { readonly phase: "rcpt" }): ClientTransition {
  const { tx, extensions } = session;
  if (tx.pipelined) return [session];
  if (rcptsLeft(tx) === 0) throw new TypeError("Cannot ask for the next recipient: none is left");
  const commands = rcptCommand(tx.mail, tx.rcptReplies.length, extensions);
  return [session, { type: "send", commands }];
}

export function takeRcptReply(
  session: Busy & { readonly phase: "mail" | "rcpt" | "data" },
  reply: ReceivedReply,
): ClientTransition {
  if (reply.code === SERVICE_CLOSING) return refuseAll(session, "RCPT", reply);
  if (isIntermediate(reply)) return breakOff(session, unexpected("RCPT", reply));
  const tx = { ...session.tx, rcptReplies: [...session.tx.rcptReplies, reply] };
  const taken = { ...session, tx };
  if (asksMore(tx)) return nextRcpt({ ...taken, phase: "rcpt" });
  const isIndivisible = tx.mail.isIndivisible === true;
  if (isIndivisible && acceptedCount(tx) < tx.mail.forwardPaths.length) return reset(taken);
  if (tx.chunked) return sendChunk(taken);
  const waiting: ClientSession = { ...taken, phase: "data" };
  if (tx.pipelined && !isIndivisible) return [waiting];
  if (acceptedCount(tx) === 0) return reset(taken);
  return [waiting, { type: "send", commands: "DATA\r\n" }];
}

/** RFC 3030 §2: BDAT asks for no leave. */
function sendChunk(session: Busy): ClientTransition {
  if (session.tx.refusal !== undefined) return finish(session, ready(session));
  if (acceptedCount(session.tx) === 0) return reset(session);
  return [
    { ...session, phase: "text" },
    { type: "send-text", by: "BDAT", body: isBinary(session) ? "octets" : "lines" },
  ];
}

function isBinary({ tx }: Busy): boolean {
  return tx.mail.needs?.binary === true;
}

/** A chunk leaves that is not the last, or the end of the text. */
export function afterText(
  session: Busy & { readonly phase: "text" },
  what: "chunk-sent" | "text-sent",
): ClientSession {
  if (what === "text-sent") return { ...session, phase: "end" };
  const { tx } = session;
  if (!mayChunk(tx)) throw new TypeError("Cannot send a chunk: too many are not answered");
  return { ...session, tx: { ...tx, chunksOwed: tx.chunksOwed + 1 } };
}

/**
 * The reply to a chunk before the last. One that is refused ends the connection: what has left
 * behind it would only be refused, too.
 */
export function takeChunkReply(
  session: Busy & { readonly phase: "text" | "end" | "lone-dot" },
  reply: ReceivedReply,
): ClientTransition {
  if (isIntermediate(reply)) return breakOff(session, unexpected("BODY", reply));
  if (isPositive(reply)) {
    const tx = { ...session.tx, chunksOwed: session.tx.chunksOwed - 1 };
    return [{ ...session, tx }];
  }
  const { code } = reply;
  if (isBinary(session) || !UNKNOWN_COMMAND.includes(code))
    return refuseAll(session, "BODY", reply);
  // Something between us and the server knows less than it: the text can go by DATA.
  const fault: ClientFault = { kind: "chunks", message: `Server answered BDAT with ${code}` };
  return [
    CLOSED,
    { type: "not-started", verdict: { kind: "undecided", stage: "BODY", fault } },
    CLOSE,
  ];
}

/** RFC 5321 §4.2.4: a command that is not known, or not implemented. */
const UNKNOWN_COMMAND: readonly number[] = [500, 502];

export function takeDataReply(
  session: Busy & { readonly phase: "mail" | "rcpt" | "data" },
  reply: ReceivedReply,
): ClientTransition {
  const { tx } = session;
  const wanted = tx.refusal === undefined && acceptedCount(tx) > 0;
  if (isIntermediate(reply)) {
    if (wanted)
      return [
        { ...session, phase: "text" },
        { type: "send-text", by: "DATA" },
      ];
    if (session.dialect === "lmtp" || acceptedCount(tx) > 0) {
      // A dot would deliver an empty message, or bring no reply (RFC 2033 §4.2).
      return breakOff(session, unexpected("DATA", reply));
    }
    // RFC 2920 §3.1: a server that says 354 though it refused every recipient gets a lone dot.
    return [
      { ...session, phase: "lone-dot" },
      { type: "send", commands: ".\r\n" },
    ];
  }
  if (isPositive(reply)) return breakOff(session, unexpected("DATA", reply));
  if (reply.code === SERVICE_CLOSING) return refuseAll(session, "DATA", reply);
  if (tx.refusal !== undefined) return finish(session, ready(session));
  if (!wanted) return reset(session);
  return reset({ ...session, tx: { ...tx, refusal: { stage: "DATA", reply } } });
}

export function takeEndReply(session: Busy, reply: ReceivedReply): ClientTransition {
  if (isIntermediate(reply))
    return breakOff({ ...session, phase: "end" }, unexpected("EOM", reply));
  const endReplies = [...session.tx.endReplies, reply];
  const next = { ...session, tx: { ...session.tx, endReplies } };
  if (reply.code === SERVICE_CLOSING) return finish(next, CLOSED);
  if (endReplies.length < endRepliesWanted(next)) return [{ ...next, phase: "end" }];
  return finish(next, ready(session));
}

/** RSET forgets what was accepted of a transaction that will not be finished. */
function reset(session: Busy): ClientTransition {
  const { dialect, tls, extensions } = session;
  const verdicts = verdictsOf(session);
  return [
    { phase: "reset", dialect, tls, extensions, verdicts },
    { type: "send", commands: "RSET\r\n" },
  ];
}

export function takeResetReply(
  session: Extract<ClientSession, { phase: "reset" }>,
  reply: ReceivedReply,
): ClientTransition {
  const done: ClientAction = { type: "verdicts", verdicts: session.verdicts };
  if (isPositive(reply)) return [ready(session), done];
  if (reply.code === SERVICE_CLOSING) return [CLOSED, done, CLOSE];
  return [{ phase: "quit" }, done, QUIT];
}

function unexpected(stage: Stage, reply: ReceivedReply): ClientFault {
  return protocolFault(`Server answered ${stage} with ${reply.code}`);
}
