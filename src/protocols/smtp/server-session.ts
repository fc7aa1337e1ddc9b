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
import type { Auth, Command, Hello, Plain } from "./command.ts";
import type { Reply } from "./reply.ts";
import {
  type Event,
  type Listening,
  type Ready,
  type Session,
  type Transition,
  CLOSED,
  CLOSE_QUIT,
  CLOSE_BAD_INPUT,
  START_TLS,
  GREET,
} from "./server-session-state.ts";
import {
  abandoning,
  closeFor,
  consult,
  idle,
  refuse,
  refuseInMail,
  reply,
  withoutTransaction,
} from "./server-session-outcome.ts";
import {
  addRecipient,
  endChunk,
  endMessage,
  refuseChunk,
  startChunk,
  startData,
  startMail,
} from "./server-session-mail.ts";
import { helloReply, helpReply, offersTls, type ServiceRules, serviceReply } from "./service.ts";
import {
  ALREADY_AUTHENTICATED,
  ALREADY_SECURED,
  BAD_SEQUENCE,
  CANNOT_VERIFY,
  GOODBYE,
  NO_MECHANISM,
  NOT_AUTHORIZED,
  NOT_SUPPORTED,
  OK,
  RESET,
  unknownMechanism,
  UNRECOGNIZED,
} from "./status.ts";
import type { Xclient, Xforward } from "./xclient.ts";

/**
 * Advances a session by one event. Nothing that a peer sends makes it throw.
 *
 * @throws {TypeError} if the driver sends an event out of turn: a bug in the driver.
 */
export function step(session: Session, event: Event, rules: ServiceRules): Transition {
  const next = isListening(session) ? hear(session, event, rules) : goOn(session, event, rules);
  if (next !== undefined) return next;
  throw new TypeError(`Cannot take a ${event.type} while the session is ${session.phase}`);
}

function isListening(session: Session): session is Listening {
  return LISTENING.has(session.phase);
}

const LISTENING: ReadonlySet<Session["phase"]> = new Set<Listening["phase"]>([
  "connected",
  "ready",
  "mail",
  "chunks",
  "spoilt",
]);

/** The client has said something; undefined if it was something else that happened. */
function hear(session: Listening, event: Event, rules: ServiceRules): Transition | undefined {
  if (event.type === "command") return take(session, event.command, rules);
  return event.type === "fault" ? refuse(session, event.reply, rules) : undefined;
}

/** Policy has answered. */
function decide(
  { from, proposal, chunk }: Extract<Session, { phase: "consulting" }>,
  refusal: Reply | undefined,
  rules: ServiceRules,
): Transition {
  if (refusal === undefined) return proposal;
  if (chunk !== undefined) return refuseChunk(from, chunk, refusal, rules);
  return from.phase === "mail" ? refuseInMail(from, refusal, rules) : refuse(from, refusal, rules);
}

/** What the driver was doing is done; undefined if it was doing something else. */
function goOn(
  session: Exclude<Session, Listening>,
  event: Event,
  rules: ServiceRules,
): Transition | undefined {
  switch (session.phase) {
    case "consulting":
      return event.type === "verdict" ? decide(session, event.refusal, rules) : undefined;
    case "authenticating":
      return event.type === "auth-end" ? endAuth(session.from, event.reply, rules) : undefined;
    case "securing":
      // RFC 3207 §4.2: as after the greeting, with nothing known of the client.
      return event.type === "secured" ? [{ phase: "connected", tally: session.tally }] : undefined;
    case "chunk":
      if (event.type === "chunk-end") return endChunk(session, event.refusal, rules);
      return event.type === "message-end" ? endMessage(session, event.reply, rules) : undefined;
    case "message":
      return event.type === "message-end" ? endMessage(session, event.reply, rules) : undefined;
    case "discarding":
      return event.type === "chunk-end" ? session.next : undefined;
    case "closed":
      return undefined;
    default:
      return unreachable(session);
  }
}

function take(session: Listening, command: Command, rules: ServiceRules): Transition {
  if (isPlain(command)) return takePlain(session, command, rules);
  switch (command.verb) {
    case "HELO":
    case "EHLO":
    case "LHLO":
      return greet(session, command, rules);
    case "MAIL":
      return startMail(session, command, rules);
    case "RCPT":
      return addRecipient(session, command, rules);
    case "BDAT":
      return startChunk(session, command, rules);
    case "AUTH":
      return startAuth(session, command, rules);
    case "XCLIENT":
      return assumeClient(session, command, rules);
    case "XFORWARD":
      return noteClient(session, command, rules);
    case "unsupported":
      if (command.ends === "session") return [CLOSED, reply(command.reply), CLOSE_BAD_INPUT];
      return refuse(session, command.reply, rules);
    default:
      return unreachable(command);
  }
}

function isPlain(command: Command): command is Plain {
  return PLAIN.has(command.verb);
}

const PLAIN: ReadonlySet<Command["verb"]> = new Set<Plain["verb"]>([
  "DATA",
  "RSET",
  "QUIT",
  "NOOP",
  "HELP",
  "VRFY",
  "STARTTLS",
]);

function takePlain(session: Listening, command: Plain, rules: ServiceRules): Transition {
  switch (command.verb) {
    case "DATA":
      return startData(session, command, rules);
    case "STARTTLS":
      return startTls(session, rules);
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
    default:
      return unreachable(command.verb);
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

/** The session begins anew, with another client: XCLIENT_README has the greeting for a reply. */
function assumeClient(session: Listening, command: Xclient, rules: ServiceRules): Transition {
  if (!rules.extensions.xclient) return refuse(session, NOT_AUTHORIZED, rules);
  if (session.phase !== "ready" && session.phase !== "connected")
    return refuse(session, BAD_SEQUENCE, rules);
  const { client } = command;
  return [{ phase: "connected", tally: session.tally }, { type: "assume-client", client }, GREET];
}

function noteClient(session: Listening, command: Xforward, rules: ServiceRules): Transition {
  if (!rules.extensions.xforward) return refuse(session, NOT_AUTHORIZED, rules);
  if (session.phase !== "ready") return refuse(session, BAD_SEQUENCE, rules);
  return [session, { type: "note-client", text: command.text }, reply(OK)];
}
