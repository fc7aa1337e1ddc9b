/**
 * How a client session or its transaction comes to an end, and what is then known
 * of each recipient.
 */
import { unreachable } from "#base/unreachable.ts";
import {
  type Busy,
  CLOSE,
  CLOSED,
  type ClientAction,
  type ClientSession,
  type ClientTransaction,
  type ClientTransition,
  isIntroducing,
  isPositive,
  QUIT,
  SERVICE_CLOSING,
  stageOf,
} from "./client-session-state.ts";
import {
  type ClientFault,
  protocolFault,
  type Stage,
  type Verdict,
  verdictsWhenBroken,
} from "./client-session-verdict.ts";
import type { ReceivedReply } from "./reply-parser.ts";

/** The connection is of no more use. What was not decided stays undecided. */
export function breakOff(session: ClientSession, fault: ClientFault): ClientTransition {
  const stage = stageOf(session);
  if (isIntroducing(session)) return [CLOSED, { type: "unreachable", stage, fault }, CLOSE];
  switch (session.phase) {
    case "mail":
      return [CLOSED, { type: "not-started", verdict: { kind: "undecided", stage, fault } }, CLOSE];
    case "rcpt":
    case "data":
    case "text":
    case "end":
    case "lone-dot": {
      const verdicts = verdictsWhenBroken(verdictsOf(session), { stage, fault });
      return [CLOSED, { type: "verdicts", verdicts }, CLOSE];
    }
    case "reset":
      return [CLOSED, { type: "verdicts", verdicts: session.verdicts }, CLOSE];
    case "ready":
    case "quit":
      return [CLOSED, CLOSE];
    case "closed":
      return [session];
    default:
      return unreachable(session);
  }
}

export function finish(session: Busy, next: ClientSession): ClientTransition {
  const verdicts: ClientAction = { type: "verdicts", verdicts: verdictsOf(session) };
  return next.phase === "closed" ? [next, verdicts, CLOSE] : [next, verdicts];
}

/** The server closes with a reply that concerns every recipient not refused before. */
export function refuseAll(session: Busy, stage: Stage, reply: ReceivedReply): ClientTransition {
  const tx = { ...session.tx, refusal: session.tx.refusal ?? { stage, reply } };
  return finish({ ...session, tx }, CLOSED);
}

/** RFC 5321 §3.1: after a refusal the client sends QUIT and nothing else. */
export function refuseSession(stage: Stage, reply: ReceivedReply): ClientTransition {
  const refused: ClientAction = { type: "refused", stage, reply };
  if (reply.code === SERVICE_CLOSING) return [CLOSED, refused, CLOSE];
  return [{ phase: "quit" }, refused, QUIT];
}

/** The server is left in order: it cannot be had on the terms that we need. */
export function leave(stage: Stage, fault: ClientFault): ClientTransition {
  return [{ phase: "quit" }, { type: "unreachable", stage, fault }, QUIT];
}

/** In OpenSMTPD's words. */
const TOO_MANY_REFUSALS: ClientFault = {
  kind: "refusals",
  message: "Too many consecutive errors, closing connection",
};

/** What is known of each recipient now; "undecided" where nothing is. */
export function verdictsOf(session: Busy): readonly Verdict[] {
  const { tx, dialect } = session;
  let accepted = 0;
  return tx.mail.forwardPaths.map((_, index): Verdict => {
    const rcpt = tx.rcptReplies[index];
    if (tx.refusal?.stage === "MAIL") return { kind: "refused", ...tx.refusal };
    if (rcpt !== undefined && !isPositive(rcpt)) {
      return { kind: "refused", stage: "RCPT", reply: rcpt };
    }
    if (tx.refusal !== undefined) return { kind: "refused", ...tx.refusal };
    if (rcpt === undefined) return { kind: "undecided", stage: "RCPT", fault: TOO_MANY_REFUSALS };
    const end = tx.endReplies[dialect === "lmtp" ? accepted++ : 0] ?? closingReply(tx);
    if (end === undefined) {
      return { kind: "undecided", stage: "EOM", fault: protocolFault("Server sent no reply") };
    }
    return { kind: isPositive(end) ? "accepted" : "refused", stage: "EOM", reply: end };
  });
}

/** LMTP: a 421 after the text speaks for the recipients that got no reply of their own. */
function closingReply(tx: ClientTransaction): ReceivedReply | undefined {
  const last = tx.endReplies.at(-1);
  return last?.code === SERVICE_CLOSING ? last : undefined;
}
