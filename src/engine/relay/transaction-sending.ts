/**
 * One transaction over one route: sent again where that makes good what kept it from being begun
 * on, and what came of it as outcomes of its recipients.
 *
 * Source: RFC 6152 §3 (8BITMIME); RFC 5321 §3.8 (421).
 */
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import { SERVICE_CLOSING } from "#protocols/smtp/client-session-state.ts";
import type { AttemptProgress } from "#model/attempt-progress.ts";
import type { RelayAction } from "#model/config/action.ts";
import type { MessageText } from "#model/delivery.ts";
import type { ClientPool, PoolOutcome } from "#engine/client/client-pool.ts";
import type { ClientRoute } from "#engine/client/client-route.ts";
import { faultOf } from "#engine/client/no-lease.ts";
import { type Outcome, outcomeOf } from "#engine/client/verdict-result.ts";
import { isAscii } from "./ascii-text.ts";
import { keepsTime, lacks8bit, withoutEightBit } from "./outgoing-mail.ts";
import type { RelayMemory } from "./relay-memory.ts";
import type { RouteTerms } from "./routes.ts";
import {
  handedOn,
  inTime,
  outcomeWhenNotStarted,
  remoteOf,
  sentOver,
} from "./transaction-outcome.ts";

/** One transaction, wherever it will go. */
export interface RelayTransaction {
  readonly action: RelayAction;
  readonly terms: RouteTerms;
  readonly mail: ClientMail;
  readonly text: MessageText;
  readonly progress: AttemptProgress | undefined;
}

/** "outrun": the race of the route was won by another address, and nothing was said to this one. */
export type Sent =
  | { readonly kind: "answered"; readonly outcomes: readonly Outcome[] }
  /** The server did not begin on it, so that another may have it. */
  | { readonly kind: "not-begun"; readonly outcome: Outcome }
  | { readonly kind: "outrun" };

export interface SendingParts {
  readonly pool: Pick<ClientPool, "send">;
  readonly memory: Pick<RelayMemory, "closedBy">;
}

export async function sendOver(
  { pool, memory }: SendingParts,
  { mail, text, progress }: RelayTransaction,
  route: ClientRoute,
): Promise<Sent> {
  let sent = await pool.send(route, mail, text, progress);
  if (faultOf(sent) === "outrun") {
    if (route.race !== undefined) return { kind: "outrun" };
    // It was another message's connection that was given up.
    sent = await pool.send(route, mail, text, progress);
  }
  // Clients say 8BITMIME of everything: what is in ASCII all the same needs nothing.
  if (lacks8bit(sent) && (await isAscii(text)))
    sent = await pool.send(route, withoutEightBit(mail), text, progress);
  noteClosing(memory, route, sent);
  const remote = remoteOf(route);
  if (sent.kind === "not-started")
    return {
      kind: "not-begun",
      outcome: sentOver(outcomeWhenNotStarted(sent.verdict, remote), sent),
    };
  const outcomes = sent.verdicts.map((verdict) => sentOver(outcomeOf(verdict, remote), sent));
  const timed = keepsTime(mail, sent) ? outcomes.map(inTime) : outcomes;
  return { kind: "answered", outcomes: sent.reports ? timed.map(handedOn) : timed };
}

/** RFC 5321 §3.8: after 421 the server closes, which is no fault of the connection's. */
function noteClosing(memory: SendingParts["memory"], route: ClientRoute, sent: PoolOutcome): void {
  const verdicts = sent.kind === "verdicts" ? sent.verdicts : [sent.verdict];
  const closing = verdicts.find(
    (verdict) => verdict.kind === "refused" && verdict.reply.code === SERVICE_CLOSING,
  );
  if (closing !== undefined) memory.closedBy(route, closing);
}
