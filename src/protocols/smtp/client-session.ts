/**
 * SMTP and LMTP client session: what to say next, and what became of each
 * recipient.
 *
 * A pure machine. `step` takes a session and an event, and returns the next
 * session and the actions for the driver (engine/client/smtp-client.ts) to carry
 * out, in order. The replies that one read brought come as one event: those beyond
 * what was asked before it cannot be answers, and break the session, so that no
 * reply is ever taken for another recipient's (RFC 2920 §3.1). Where PIPELINING is
 * offered MAIL, RCPT and DATA leave as one group; a text that DATA cannot carry goes by BDAT,
 * as does a large one where the server offers that.
 *
 * Source: RFC 5321 §3, §4.1, §4.3.2; RFC 2920 (PIPELINING); RFC 3030 §2 (BDAT); RFC 2033 (LMTP).
 */
import { unreachable } from "#base/unreachable.ts";
import { breakOff, finish, refuseAll } from "./client-session-ending.ts";
import { takeIntroduction, takeSecured } from "./client-session-introduction.ts";
import {
  CLOSE,
  CLOSED,
  type ClientAction,
  type ClientEvent,
  type ClientSession,
  type ClientTransition,
  isIntroducing,
  outstanding,
  QUIT,
  ready,
  SERVICE_CLOSING,
} from "./client-session-state.ts";
import {
  afterText,
  startMail,
  takeChunkReply,
  takeDataReply,
  takeEndReply,
  takeMailReply,
  takeRcptReply,
  takeResetReply,
} from "./client-session-transaction.ts";
import { type ClientFault, protocolFault } from "./client-session-verdict.ts";
import type { ReceivedReply } from "./reply-parser.ts";

/**
 * Advances a session by one event. Nothing that a server sends makes it throw.
 *
 * @throws {TypeError} if the driver sends an event out of turn: a bug in the driver.
 */
export function step(session: ClientSession, event: ClientEvent): ClientTransition {
  if (session.phase === "closed" && MAY_BE_LATE.includes(event.type)) return [session];
  switch (event.type) {
    case "replies":
      return takeReplies(session, event.replies, event.fault);
    case "broken":
      return breakOff(session, event.fault);
    case "secured":
      if (session.phase === "securing") return takeSecured(session, event.isProven);
      break;
    case "mail":
      if (session.phase === "ready") return startMail(session, event);
      break;
    case "chunk-sent":
    case "text-sent":
      if (session.phase === "text") return [afterText(session, event.type)];
      break;
    case "quit":
      if (session.phase === "ready") return [{ phase: "quit" }, QUIT];
      if (session.phase === "quit") return [session];
      break;
    default:
      return unreachable(event);
  }
  throw new TypeError(`Cannot take ${event.type} while the session is ${session.phase}`);
}

/** What the driver was about to say when the session came to its end. */
const MAY_BE_LATE: readonly ClientEvent["type"][] = ["secured", "chunk-sent", "text-sent", "quit"];

function takeReplies(
  session: ClientSession,
  replies: readonly ReceivedReply[],
  fault: ClientFault | undefined,
): ClientTransition {
  const asked = outstanding(session);
  let next = session;
  const actions: ClientAction[] = [];
  const follow = ([to, ...todo]: ClientTransition): void => {
    next = to;
    actions.push(...todo);
  };
  for (const [index, reply] of replies.entries()) {
    if (next.phase === "closed") break;
    if (index < asked) follow(takeReply(next, reply));
    else follow(takeUnasked(next, reply));
  }
  if (fault !== undefined && next.phase !== "closed") follow(breakOff(next, fault));
  // Once the session is closed there is nobody to send to.
  const closed = next.phase === "closed";
  return [next, ...(closed ? actions.filter((action) => !isSend(action)) : actions)];
}

function isSend(action: ClientAction): boolean {
  const { type } = action;
  return type === "send" || type === "send-secret" || type === "send-text" || type === "secure";
}

/** A reply that answers nothing. */
function takeUnasked(session: ClientSession, reply: ReceivedReply): ClientTransition {
  // A server that refuses the text before its end has said all it will say.
  if (session.phase === "text" && reply.code >= 400) return refuseAll(session, "BODY", reply);
  if (reply.code === SERVICE_CLOSING) return breakOff(session, closingFault(reply));
  return breakOff(session, protocolFault("Server sent a reply that was not asked for"));
}

function takeReply(session: ClientSession, reply: ReceivedReply): ClientTransition {
  if (isIntroducing(session)) return takeIntroduction(session, reply);
  switch (session.phase) {
    case "mail":
      return takeMailReply(session, reply);
    case "rcpt":
      return takeRcptReply(session, reply);
    case "data":
      return takeDataReply(session, reply);
    case "text":
      return takeChunkReply(session, reply);
    case "end":
      if (session.tx.chunksOwed > 0) return takeChunkReply(session, reply);
      return takeEndReply(session, reply);
    case "lone-dot":
      if (reply.code === SERVICE_CLOSING) return finish(session, CLOSED);
      return finish(session, ready(session));
    case "reset":
      return takeResetReply(session, reply);
    case "quit":
      return [CLOSED, CLOSE];
    case "ready":
    case "closed":
      return takeUnasked(session, reply);
    default:
      return unreachable(session);
  }
}

function closingFault(reply: ReceivedReply): ClientFault {
  return { kind: "closed", message: `Server closes: ${reply.code} ${reply.lines.join(" ")}` };
}
