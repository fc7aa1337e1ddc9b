/** What became of a transaction, or of a try of one, as the outcome of its envelopes. */
import { TAKES_NO_MAIL } from "#protocols/smtp/client-session-state.ts";
import type { Verdict } from "#protocols/smtp/client-session-verdict.ts";
import type { PoolOutcome } from "#engine/client/client-pool.ts";
import type { ClientRoute } from "#engine/client/client-route.ts";
import { boundDiagnostic, type Outcome, outcomeOf } from "#engine/client/verdict-result.ts";
import type { NoRoute } from "./next-hops.ts";

/** RFC 3463 §3.5: no answer from host. */
const NOT_REACHED = "4.4.1";

export function isNotReached({ status }: Outcome): boolean {
  return status === NOT_REACHED;
}

/** Several in one; undefined if there are none. */
export function ofNoneReached(outcomes: readonly Outcome[]): Outcome | undefined {
  const last = outcomes.at(-1);
  if (last === undefined || outcomes.length === 1) return last;
  const each = outcomes.map(({ remote, diagnostic }) => `${remote}: ${diagnostic}`);
  return { ...last, diagnostic: boundDiagnostic(each.join("; ")), remote: "" };
}

/** RFC 3461 §5.2.1: who was told what the sender wants to know reports of it, not we. */
export function handedOn(outcome: Outcome): Outcome {
  return outcome.outcome === "delivered" ? { ...outcome, outcome: "handed-on" } : outcome;
}

export function inTime(outcome: Outcome): Outcome {
  return { ...outcome, keepsTime: true };
}

/** With the connection that it was sent over. */
export function sentOver(outcome: Outcome, { over, tls }: PoolOutcome): Outcome {
  if (over === undefined) return outcome;
  return tls === undefined ? { ...outcome, over } : { ...outcome, over, tls };
}

/** `host [address]`, or the path of a socket. */
export function remoteOf({ host, endpoint }: ClientRoute): string {
  return endpoint.kind === "unix" ? endpoint.path : `${host} [${endpoint.host}]`;
}

export function outcomeWithoutRoute({ outcome, status, diagnostic }: NoRoute): Outcome {
  return { outcome, status, diagnostic, remote: "" };
}

/**
 * A server that will not talk to us at all may be the wrong one, or have a bad day:
 * that is retried. Only 521 says that it never takes mail (RFC 7504 §3).
 */
export function outcomeWhenNotStarted(verdict: Verdict, remote: string): Outcome {
  const outcome = outcomeOf(verdict, remote);
  if (verdict.kind === "refused" && verdict.reply.code === TAKES_NO_MAIL) return outcome;
  if (outcome.outcome !== "failed") return outcome;
  return { ...outcome, outcome: "deferred", status: `4${outcome.status.slice(1)}` };
}
