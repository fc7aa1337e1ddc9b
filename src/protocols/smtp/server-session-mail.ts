/**
 * The mail transaction of a server session: MAIL, RCPT, and the text by DATA or BDAT.
 *
 * Source: RFC 5321 §3.3; RFC 3030 §2 (BDAT); RFC 2033 §4.2 (replies of LMTP).
 */
import type { Bdat, Command, Mail, Rcpt } from "./command.ts";
import type { Reply } from "./reply.ts";
import {
  type Action,
  type Listening,
  type Session,
  type Transition,
  RECEIVE_MESSAGE,
  NO_TALLY,
} from "./server-session-state.ts";
import { abandoning, consult, leaveIdle, refuse, reply } from "./server-session-outcome.ts";
import type { ServiceRules } from "./service.ts";
import {
  AUTH_FIRST,
  BAD_SEQUENCE,
  DECLARED_TOO_BIG,
  NO_RECIPIENTS,
  NON_ASCII_ADDRESS,
  NOT_SUPPORTED,
  OK,
  RECIPIENT_OK,
  SEND_MESSAGE,
  TLS_FIRST,
  TOO_MANY_MAILS,
  TOO_MANY_RECIPIENTS,
  chunkReceived,
  WANTS_BDAT,
} from "./status.ts";

/** A chunk with less, but for the last one, counts as a command that moves nothing on. */
const MIN_CHUNK_OCTETS = 1024;

export function startMail(session: Listening, mail: Mail, rules: ServiceRules): Transition {
  if (session.phase !== "ready") return refuse(session, BAD_SEQUENCE, rules);
  if (rules.tls === "required") return refuse(session, TLS_FIRST, rules);
  if (rules.auth.isRequired && rules.auth.user === "") return refuse(session, AUTH_FIRST, rules);
  if (session.tally.mails >= rules.maxMails) return refuse(session, TOO_MANY_MAILS, rules);
  if (mail.options.sizeBytes > rules.maxMessageBytes)
    return refuse(session, DECLARED_TOO_BIG, rules);
  const { hello } = session;
  const tally = { ...session.tally, mails: session.tally.mails + 1 };
  const tx = { mail, acceptedRecipients: 0, refusedRecipients: 0 };
  return consult(session, mail, [{ phase: "mail", tally, hello, tx }, reply(OK)]);
}

export function addRecipient(session: Listening, command: Rcpt, rules: ServiceRules): Transition {
  if (session.phase !== "mail") return refuse(session, BAD_SEQUENCE, rules);
  const { tally, hello, tx } = session;
  if (!command.isAscii && !tx.mail.options.utf8) return refuse(session, NON_ASCII_ADDRESS, rules);
  if (tx.acceptedRecipients >= rules.maxRecipients) return [session, reply(TOO_MANY_RECIPIENTS)];
  const grown = { ...tx, acceptedRecipients: tx.acceptedRecipients + 1 };
  return consult(session, command, [
    { phase: "mail", tally, hello, tx: grown },
    reply(RECIPIENT_OK),
  ]);
}

export function startData(session: Listening, command: Command, rules: ServiceRules): Transition {
  if (session.phase !== "mail") return refuse(session, BAD_SEQUENCE, rules);
  if (session.tx.acceptedRecipients === 0) {
    const isSpoilt = session.tx.refusedRecipients > 0;
    return refuse(isSpoilt ? { ...session, phase: "spoilt" } : session, NO_RECIPIENTS, rules);
  }
  if (session.tx.mail.options.body === "binary") return refuse(session, WANTS_BDAT, rules);
  const { tally, hello, tx } = session;
  return consult(session, command, [
    { phase: "message", tally, hello, tx },
    reply(SEND_MESSAGE),
    RECEIVE_MESSAGE,
  ]);
}

/** RFC 3030 §2. The first chunk is as DATA to policy. */
export function startChunk(session: Listening, chunk: Bdat, rules: ServiceRules): Transition {
  if (!rules.extensions.chunking) return refuseChunk(session, chunk, NOT_SUPPORTED, rules);
  if (session.phase !== "mail" && session.phase !== "chunks")
    return refuseChunk(session, chunk, BAD_SEQUENCE, rules);
  if (session.tx.acceptedRecipients === 0) return refuseChunk(session, chunk, NO_RECIPIENTS, rules);
  const { hello, tx } = session;
  const isFirst = session.phase === "mail";
  const receive: Action = { type: "receive-chunk", chunk, isFirst };
  // Chunks that carry next to nothing move nothing on.
  const isTiny = !chunk.isLast && chunk.octets < MIN_CHUNK_OCTETS;
  const idleCount = session.tally.idle + (isTiny ? 1 : 0);
  if (idleCount > rules.maxIdleCommands) return leaveIdle(rules);
  const tally = isTiny ? { ...session.tally, idle: idleCount } : session.tally;
  const next: Session = { phase: "chunk", tally, hello, tx, chunk };
  if (!isFirst) return [next, receive];
  return [
    { phase: "consulting", from: session, proposal: [next, receive], chunk },
    { type: "consult", on: chunk },
  ];
}

export function endChunk(
  { tally, hello, tx, chunk }: Extract<Session, { phase: "chunk" }>,
  refusal: Reply | undefined,
  rules: ServiceRules,
): Transition {
  if (refusal !== undefined) return refuse({ phase: "spoilt", tally, hello, tx }, refusal, rules);
  return [{ phase: "chunks", tally, hello, tx }, reply(chunkReceived(chunk.octets))];
}

/** RFC 3030 §2: the octets are read before the refusal is said. A transaction is spoilt by it. */
export function refuseChunk(
  from: Listening,
  chunk: Bdat,
  refusal: Reply,
  rules: ServiceRules,
): Transition {
  const isInMail = from.phase === "mail" || from.phase === "chunks";
  const after: Listening = isInMail ? { ...from, phase: "spoilt" } : from;
  const next = abandoning(from, refuse(after, refusal, rules));
  return [
    { phase: "discarding", next },
    { type: "discard-chunk", chunk },
  ];
}

export function endMessage(
  session: Extract<Session, { phase: "message" | "chunk" }>,
  outcome: Reply,
  rules: ServiceRules,
): Transition {
  // A message that was accepted is progress: the limits on everything else start again.
  const { mails, failedLogins } = session.tally;
  const tally = outcome.code < 400 ? { ...NO_TALLY, mails, failedLogins } : session.tally;
  const ready: Session = { phase: "ready", tally, hello: session.hello };
  if (rules.protocol === "smtp") return [ready, reply(outcome)];
  // RFC 2033 §4.2: a reply for each recipient that was accepted, in their order.
  return [ready, ...Array.from({ length: session.tx.acceptedRecipients }, () => reply(outcome))];
}
