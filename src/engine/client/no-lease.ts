/** Why there is no connection for a message, as a verdict that holds for any. */
import type { ClientFault, Verdict } from "#protocols/smtp/client-session-verdict.ts";
import type { SendOutcome } from "./client-settings.ts";
import type { NoLease } from "./route-state.ts";

export const SHUTTING_DOWN: NoLease = failed("Shutting down");

export function failed(message: string): NoLease {
  return {
    kind: "failed",
    verdict: { kind: "undecided", stage: "CONNECT", fault: { kind: "busy", message } },
  };
}

/** The server was reached, and TLS with it did not come about. */
export function isTlsFailure(verdict: Verdict): boolean {
  if (verdict.kind === "unsendable") return false;
  return verdict.stage === "STARTTLS" || verdict.stage === "TLS";
}

/** What kept a mail from being begun on, if it was no answer of the server's. */
export function faultOf(outcome: SendOutcome | NoLease): ClientFault["kind"] | undefined {
  if (outcome.kind === "verdicts") return undefined;
  return outcome.verdict.kind === "undecided" ? outcome.verdict.fault.kind : undefined;
}

export function noCredentials(why: string): NoLease {
  const fault = { kind: "auth", message: `Could not retrieve credentials: ${why}` } as const;
  return { kind: "failed", verdict: { kind: "undecided", stage: "AUTH", fault } };
}
