/**
 * SMTP server session: which command may come when, and what it leads to.
 *
 * A pure machine. `step` takes a session and an event, and returns the next
 * session and the actions for the driver (engine/server) to carry out, in order.
 * Policy and the queue are asked by "consult" and answer with a "verdict"; while
 * a session is "consulting" the driver reads no command, so replies keep the
 * order of the commands (RFC 2920 §3.2). LMTP is the same machine with LHLO for
 * EHLO and a reply for each recipient after the message (RFC 2033 §4).
 *
 * We differ from OpenSMTPD: a second EHLO starts afresh and RSET needs no EHLO
 * (RFC 5321 §4.1.4); DATA after recipients that were all refused spoils the
 * transaction until RSET, so that a client that sends its text at once has none
 * of it run as commands; bad and idle commands have a limit.
 *
 * Source: RFC 5321 §4.1.4 (order of commands), §3.3 (mail transactions).
 */
import { unreachable } from "#base/unreachable.ts";
import type { Auth, Bdat, Command, Hello, Mail, Rcpt } from "./command.ts";
import { helloReply, helpReply, offersTls, type ServiceRules, serviceReply } from "./service.ts";
import type { Reply } from "./reply.ts";
import {
  ALREADY_AUTHENTICATED,
  ALREADY_SECURED,
  AUTH_FIRST,
  BAD_SEQUENCE,
  CANNOT_VERIFY,
  DECLARED_TOO_BIG,
  GOODBYE,
  NO_MECHANISM,
  NO_RECIPIENTS,
  NON_ASCII_ADDRESS,
  NOT_SUPPORTED,
  OK,
  RECIPIENT_OK,
  RESET,
  SEND_MESSAGE,
  TLS_FIRST,
  TOO_MANY_MAILS,
  TOO_MANY_RECIPIENTS,
  chunkReceived,
  unknownMechanism,
  UNRECOGNIZED,
  WANTS_BDAT,
} from "./status.ts";

/** The mail transaction under way: MAIL opens it; EHLO, RSET or end-of-data ends it. */
export interface Transaction {
  readonly mail: Mail;
  readonly acceptedRecipients: number;
  readonly refusedRecipients: number;
}

/** What a session has done so far, for the limits. */
export interface Tally {
  /** Transactions that MAIL opened. */
  readonly mails: number;
  /** Since the last accepted message: commands refused with 5xx, but for recipients. */
  readonly bad: number;
  /** Since then: recipients refused with 5xx. */
  readonly unknown: number;
  /** Since then: commands that moved nothing on: NOOP, RSET, HELP, VRFY, EHLO. */
  readonly idle: number;
  /** Attempts to authenticate that failed. */
  readonly failedLogins: number;
}

/**
 * A session in a transaction. "chunks": some of the message came by BDAT, and more is to
 * come. "spoilt": only RSET or EHLO gets out of it.
 */
interface InMail {
  readonly phase: "mail" | "chunks" | "spoilt";
  readonly tally: Tally;
  readonly hello: Hello;
  readonly tx: Transaction;
}

/** A session that knows its client's name for itself, and has no transaction. */
interface Ready {
  readonly phase: "ready";
  readonly tally: Tally;
  readonly hello: Hello;
}

/** A session that takes the next command, with just the data that its phase has. */
export type Listening = { readonly phase: "connected"; readonly tally: Tally } | Ready | InMail;

/** `proposal` happens if policy agrees; otherwise the session is `from` again. */
export type Session =
  | Listening
  | {
      readonly phase: "consulting";
      readonly from: Listening;
      readonly proposal: Transition;
      /** What follows the command, and is read even if policy refuses it. */
      readonly chunk: Bdat | undefined;
    }
  /** The driver holds the SASL exchange (protocols/sasl); lines are its responses. */
  /** The handshake is under way; no line is a command. */
  | { readonly phase: "securing"; readonly tally: Tally }
  | { readonly phase: "authenticating"; readonly from: Ready }
  | {
      readonly phase: "message";
      readonly tally: Tally;
      readonly hello: Hello;
      readonly tx: Transaction;
    }
  /** The octets of a chunk are text. */
  | {
      readonly phase: "chunk";
      readonly tally: Tally;
      readonly hello: Hello;
      readonly tx: Transaction;
      readonly chunk: Bdat;
    }
  /** The octets of a chunk that was refused go nowhere; then `next` happens (RFC 3030 §2). */
  | { readonly phase: "discarding"; readonly next: Transition }
  | { readonly phase: "closed" };

export type Event =
  | { readonly type: "command"; readonly command: Command }
  /** A line that is no command, and what to say to it. */
  | { readonly type: "fault"; readonly reply: Reply }
  | { readonly type: "verdict"; readonly refusal: Reply | undefined }
  | { readonly type: "auth-end"; readonly reply: Reply }
  /** The handshake has succeeded; one that has not ends the connection. */
  | { readonly type: "secured" }
  /** All of a chunk was read; `refusal`: the message cannot be kept any more. */
  | { readonly type: "chunk-end"; readonly refusal: Reply | undefined }
  | { readonly type: "message-end"; readonly reply: Reply };

export type Action =
  | { readonly type: "reply"; readonly reply: Reply }
  /** Answered by a "verdict". */
  | { readonly type: "consult"; readonly on: Command }
  /** Answered by an "auth-end", whose rules then have the user if it succeeded. */
  | { readonly type: "authenticate"; readonly command: Auth }
  /**
   * READY_FOR_TLS and the handshake, unless the client has sent more behind its STARTTLS:
   * that is the end. Answered by "secured", whose rules are those for what is said in secret.
   */
  | { readonly type: "start-tls" }
  /** Follows the reply 354; answered by a "message-end". */
  | { readonly type: "receive-message" }
  /** The octets of a chunk are text; answered by a "chunk-end", or a "message-end" after the last. */
  | { readonly type: "receive-chunk"; readonly chunk: Bdat; readonly isFirst: boolean }
  /** They are not; answered by a "chunk-end". */
  | { readonly type: "discard-chunk"; readonly chunk: Bdat }
  /** The chunks that came are no message. */
  | { readonly type: "abandon-message" }
  /** `why` is for the log. */
  | { readonly type: "close"; readonly why: "quit" | "bad input" | SessionLimit };

/** What a session may not do without end; the log has these names. */
export type SessionLimit = "bad-commands" | "unknown-recipients" | "idle-commands" | "failed-logins";

export type Transition = readonly [next: Session, ...actions: Action[]];

const CLOSED: Session = Object.freeze({ phase: "closed" });
const CLOSE_QUIT: Action = Object.freeze({ type: "close", why: "quit" });
const CLOSE_BAD_INPUT: Action = Object.freeze({ type: "close", why: "bad input" });
const START_TLS: Action = Object.freeze({ type: "start-tls" });
const ABANDON_MESSAGE: Action = Object.freeze({ type: "abandon-message" });
const RECEIVE_MESSAGE: Action = Object.freeze({ type: "receive-message" });
const NO_TALLY: Tally = Object.freeze({ mails: 0, bad: 0, unknown: 0, idle: 0, failedLogins: 0 });

/** A chunk with less, but for the last one, counts as a command that moves nothing on. */
const MIN_CHUNK_OCTETS = 1024;

/** A session whose client was greeted. */
export const CONNECTED: Session = Object.freeze({ phase: "connected", tally: NO_TALLY });

/**
 * Advances a session by one event. Nothing that a peer sends makes it throw.
 *
 * @throws {TypeError} if the driver sends an event out of turn: a bug in the driver.
 */
export function step(session: Session, event: Event, rules: ServiceRules): Transition {
  switch (session.phase) {
    case "connected":
    case "ready":
    case "mail":
    case "chunks":
    case "spoilt":
      if (event.type === "command") return take(session, event.command, rules);
      if (event.type === "fault") return refuse(session, event.reply, rules);
      break;
    case "consulting":
      if (event.type !== "verdict") break;
      if (event.refusal === undefined) return session.proposal;
      if (session.chunk !== undefined)
        return refuseChunk(session.from, session.chunk, event.refusal, rules);
      if (session.from.phase === "mail") return refuseInMail(session.from, event.refusal, rules);
      return refuse(session.from, event.refusal, rules);
    case "authenticating":
      if (event.type === "auth-end") return endAuth(session.from, event.reply, rules);
      break;
    case "securing":
      // RFC 3207 §4.2: as after the greeting, with nothing known of the client.
      if (event.type === "secured") return [{ phase: "connected", tally: session.tally }];
      break;
    case "message":
      if (event.type === "message-end") return endMessage(session, event.reply, rules);
      break;
    case "chunk":
      if (event.type === "chunk-end") return endChunk(session, event.refusal, rules);
      if (event.type === "message-end") return endMessage(session, event.reply, rules);
      break;
    case "discarding":
      if (event.type === "chunk-end") return session.next;
      break;
    case "closed":
      break;
    default:
      return unreachable(session);
  }
  throw new TypeError(`Cannot take a ${event.type} while the session is ${session.phase}`);
}

function take(session: Listening, command: Command, rules: ServiceRules): Transition {
  switch (command.verb) {
    case "HELO":
    case "EHLO":
    case "LHLO":
      return greet(session, command, rules);
    case "MAIL":
      return startMail(session, command, rules);
    case "RCPT":
      return addRecipient(session, command, rules);
    case "AUTH":
      return startAuth(session, command, rules);
    case "STARTTLS":
      return startTls(session, rules);
    case "DATA":
      return startData(session, command, rules);
    case "BDAT":
      return startChunk(session, command, rules);
    case "RSET":
      return abandoning(session, idle(withoutTransaction(session), RESET, rules));
    case "NOOP":
      return idle(session, OK, rules);
    case "HELP":
      return idle(session, helpReply(rules), rules);
    case "VRFY":
      return idle(session, CANNOT_VERIFY, rules);
    case "QUIT":
      return [CLOSED, reply(GOODBYE), CLOSE_QUIT];
    case "unsupported":
      if (command.ends === "session") return [CLOSED, reply(command.reply), CLOSE_BAD_INPUT];
      return refuse(session, command.reply, rules);
    default:
      return unreachable(command);
  }
}

function greet(session: Listening, hello: Hello, rules: ServiceRules): Transition {
  // RFC 2033 §4.1: LHLO in place of HELO and EHLO, which get 500.
  const isOurs: boolean = (hello.verb === "LHLO") === (rules.protocol === "lmtp");
  if (!isOurs) return refuse(session, UNRECOGNIZED, rules);
  const ready: Listening = { phase: "ready", tally: session.tally, hello };
  const proposal = idle(ready, helloReply(hello, rules), rules);
  return consult(session, hello, abandoning(session, proposal));
}

/** RFC 3207 §4. */
function startTls(session: Listening, rules: ServiceRules): Transition {
  if (rules.tls === "secured") return refuse(session, ALREADY_SECURED, rules);
  if (!offersTls(rules)) return refuse(session, NOT_SUPPORTED, rules);
  if (session.phase !== "ready") return refuse(session, BAD_SEQUENCE, rules);
  return [{ phase: "securing", tally: session.tally }, START_TLS];
}

/** RFC 4954 §4: once in a session, and not within a transaction. */
function startAuth(session: Listening, command: Auth, rules: ServiceRules): Transition {
  const { mechanisms, user } = rules.auth;
  if (user !== "") return refuse(session, ALREADY_AUTHENTICATED, rules);
  if (mechanisms.length === 0) return refuse(session, NOT_SUPPORTED, rules);
  if (session.phase !== "ready") return refuse(session, BAD_SEQUENCE, rules);
  const { mechanism } = command;
  if (mechanism === "") return refuse(session, NO_MECHANISM, rules);
  if (!mechanisms.includes(mechanism)) return refuse(session, unknownMechanism(mechanism), rules);
  return [
    { phase: "authenticating", from: session },
    { type: "authenticate", command },
  ];
}

/** Guessing ends the session, whatever else it does between. */
function endAuth(from: Ready, outcome: Reply, rules: ServiceRules): Transition {
  if (outcome.code < 400) return [from, reply(outcome)];
  const tally = { ...from.tally, failedLogins: from.tally.failedLogins + 1 };
  if (tally.failedLogins < rules.maxFailedLogins) return [{ ...from, tally }, reply(outcome)];
  const farewell = serviceReply(rules, "4.7.0", "Too many failed logins");
  return [CLOSED, reply(outcome), reply(farewell), closeFor("failed-logins")];
}

function startMail(session: Listening, mail: Mail, rules: ServiceRules): Transition {
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

function addRecipient(session: Listening, command: Rcpt, rules: ServiceRules): Transition {
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

function startData(session: Listening, command: Command, rules: ServiceRules): Transition {
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
function startChunk(session: Listening, chunk: Bdat, rules: ServiceRules): Transition {
  if (!rules.extensions.chunking) return refuseChunk(session, chunk, NOT_SUPPORTED, rules);
  if (session.phase !== "mail" && session.phase !== "chunks")
    return refuseChunk(session, chunk, BAD_SEQUENCE, rules);
  if (session.tx.acceptedRecipients === 0) return refuseChunk(session, chunk, NO_RECIPIENTS, rules);
  const { hello, tx } = session;
  const isFirst = session.phase === "mail";
  const receive: Action = { type: "receive-chunk", chunk, isFirst };
  // Chunks that carry next to nothing move nothing on.
  const isTiny = !chunk.isLast && chunk.octets < MIN_CHUNK_OCTETS;
  const idle = session.tally.idle + (isTiny ? 1 : 0);
  if (idle > rules.maxIdleCommands) return leaveIdle(rules);
  const tally = isTiny ? { ...session.tally, idle } : session.tally;
  const next: Session = { phase: "chunk", tally, hello, tx, chunk };
  if (!isFirst) return [next, receive];
  return [
    { phase: "consulting", from: session, proposal: [next, receive], chunk },
    { type: "consult", on: chunk },
  ];
}

function endChunk(
  { tally, hello, tx, chunk }: Extract<Session, { phase: "chunk" }>,
  refusal: Reply | undefined,
  rules: ServiceRules,
): Transition {
  if (refusal !== undefined) return refuse({ phase: "spoilt", tally, hello, tx }, refusal, rules);
  return [{ phase: "chunks", tally, hello, tx }, reply(chunkReceived(chunk.octets))];
}

/** RFC 3030 §2: the octets are read before the refusal is said. A transaction is spoilt by it. */
function refuseChunk(
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

/** `transition`, which leaves the chunks that came behind. */
function abandoning(from: Listening, transition: Transition): Transition {
  if (from.phase !== "chunks") return transition;
  const [next, ...actions] = transition;
  return [next, ABANDON_MESSAGE, ...actions];
}

function endMessage(
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

function consult(from: Listening, on: Command, proposal: Transition): Transition {
  return [
    { phase: "consulting", from, proposal, chunk: undefined },
    { type: "consult", on },
  ];
}

/** Policy refused a recipient, or DATA for a while: guessing at recipients has a limit of its own. */
function refuseInMail(from: InMail, refusal: Reply, rules: ServiceRules): Transition {
  const tx = { ...from.tx, refusedRecipients: from.tx.refusedRecipients + 1 };
  if (refusal.code < 500) return [{ ...from, tx }, reply(refusal)];
  const tally = { ...from.tally, unknown: from.tally.unknown + 1 };
  if (tally.unknown < rules.maxUnknownRecipients) return [{ ...from, tx, tally }, reply(refusal)];
  const farewell = serviceReply(rules, "4.7.0", "Too many unknown recipients");
  return [CLOSED, reply(refusal), reply(farewell), closeFor("unknown-recipients")];
}

/** Says no. Only 5xx counts against the client: what it may try again is not its fault. */
function refuse(session: Listening, refusal: Reply, rules: ServiceRules): Transition {
  if (refusal.code < 500) return [session, reply(refusal)];
  const tally = { ...session.tally, bad: session.tally.bad + 1 };
  if (tally.bad < rules.maxBadCommands) return [{ ...session, tally }, reply(refusal)];
  return [
    CLOSED,
    reply(refusal),
    reply(serviceReply(rules, "4.7.0", "Too many bad commands")),
    closeFor("bad-commands"),
  ];
}

function idle(session: Listening, answer: Reply, rules: ServiceRules): Transition {
  const tally = { ...session.tally, idle: session.tally.idle + 1 };
  if (tally.idle <= rules.maxIdleCommands) return [{ ...session, tally }, reply(answer)];
  return leaveIdle(rules);
}

function leaveIdle(rules: ServiceRules): Transition {
  const farewell = serviceReply(rules, "4.7.0", "Too many commands without mail");
  return [CLOSED, reply(farewell), closeFor("idle-commands")];
}

function withoutTransaction(session: Listening): Listening {
  if (session.phase === "connected" || session.phase === "ready") return session;
  return { phase: "ready", tally: session.tally, hello: session.hello };
}

function closeFor(why: SessionLimit): Action {
  return { type: "close", why };
}

function reply(content: Reply): Action {
  return { type: "reply", reply: content };
}
