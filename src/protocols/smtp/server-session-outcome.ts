/**
 * What commands of a server session lead to, whichever they are: a question to policy, a
 * refusal, nothing new; and the limits on the last two, which end a session.
 */
import type { Command } from "./command.ts";
import type { Reply } from "./reply.ts";
import {
  type Action,
  type InMail,
  type Listening,
  type SessionLimit,
  type Transition,
  CLOSED,
  ABANDON_MESSAGE,
} from "./server-session-state.ts";
import { type ServiceRules, serviceReply } from "./service.ts";

/** `transition`, which leaves the chunks that came behind. */
export function abandoning(from: Listening, transition: Transition): Transition {
  if (from.phase !== "chunks") return transition;
  const [next, ...actions] = transition;
  return [next, ABANDON_MESSAGE, ...actions];
}

export function consult(from: Listening, on: Command, proposal: Transition): Transition {
  return [
    { phase: "consulting", from, proposal, chunk: undefined },
    { type: "consult", on },
  ];
}

/** Policy refused a recipient, or DATA for a while: guessing at recipients has a limit of its own. */
export function refuseInMail(from: InMail, refusal: Reply, rules: ServiceRules): Transition {
  const tx = { ...from.tx, refusedRecipients: from.tx.refusedRecipients + 1 };
  if (refusal.code < 500) return [{ ...from, tx }, reply(refusal)];
  const tally = { ...from.tally, unknown: from.tally.unknown + 1 };
  if (tally.unknown < rules.maxUnknownRecipients) return [{ ...from, tx, tally }, reply(refusal)];
  const farewell = serviceReply(rules, "4.7.0", "Too many unknown recipients");
  return [CLOSED, reply(refusal), reply(farewell), closeFor("unknown-recipients")];
}

/** Says no. Only 5xx counts against the client: what it may try again is not its fault. */
export function refuse(session: Listening, refusal: Reply, rules: ServiceRules): Transition {
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

export function idle(session: Listening, answer: Reply, rules: ServiceRules): Transition {
  const tally = { ...session.tally, idle: session.tally.idle + 1 };
  if (tally.idle <= rules.maxIdleCommands) return [{ ...session, tally }, reply(answer)];
  return leaveIdle(rules);
}

export function leaveIdle(rules: ServiceRules): Transition {
  const farewell = serviceReply(rules, "4.7.0", "Too many commands without mail");
  return [CLOSED, reply(farewell), closeFor("idle-commands")];
}

export function withoutTransaction(session: Listening): Listening {
  if (session.phase === "connected" || session.phase === "ready") return session;
  return { phase: "ready", tally: session.tally, hello: session.hello };
}

export function closeFor(why: SessionLimit): Action {
  return { type: "close", why };
}

export function reply(content: Reply): Action {
  return { type: "reply", reply: content };
}
