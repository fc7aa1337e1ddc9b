/** Why there is no connection for a message, as a verdict that holds for any; and what may help. */
import type { ClientFault, Verdict } from "#protocols/smtp/client-session-verdict.ts";
import type { ClientRoute } from "./client-route.ts";
import type { SendOutcome } from "./client-settings.ts";
import type { NoLease } from "./route-state.ts";

export const SHUTTING_DOWN: NoLease = failed("Shutting down");

export function failed(message: string): NoLease {
  return {
    kind: "failed",
    verdict: { kind: "undecided", stage: "CONNECT", fault: { kind: "busy", message } },
  };
}

/** The route to try once more, as TLS alone has failed; undefined: there is none. */
export function otherwiseSecured(route: ClientRoute, failure: NoLease): ClientRoute | undefined {
  const { security } = route;
  if (security === undefined) return undefined;
  // With a whole handshake, where the server did not take a session up again.
  if (faultOf(failure) === "resumption")
    return { ...route, security: { ...security, resumeAs: undefined } };
  // RFC 7435 §3: better in the clear than not at all, where nothing more was asked for.
  return security.policy.kind === "opportunistic" && isTlsFailure(failure.verdict)
    ? { ...route, security: undefined }
    : undefined;
}

/** The server was reached, and TLS with it did not come about. */
function isTlsFailure(verdict: Verdict): boolean {
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
