/**
 * How it ended that a new connection was to be under TLS, for whoever counts such ends.
 *
 * Pure. Undefined is a connection that did not come as far as that.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Endpoint } from "#base/endpoint.ts";
import type { TlsFacts } from "#base/ports/tls.ts";
import type { Verdict } from "#protocols/smtp/client-session-verdict.ts";
import type { PeerJudgement } from "#policy/transport/judge-peer.ts";

/** One that came to its end; "refused" was the server, by the judgement. */
export interface Handshake {
  readonly facts: TlsFacts;
  readonly judgement: PeerJudgement;
}

export type TlsEnd =
  | ({ readonly kind: "handshake" } & Handshake)
  | { readonly kind: "failed"; readonly why: string }
  /** STARTTLS is not among what the server offers, or it does not keep to it. */
  | { readonly kind: "not-offered"; readonly why: string };

/** `local` is our end of the connection. */
export type ToldOfTlsEnd = (end: TlsEnd, local: Endpoint) => void;

/** @param result of a connection that was to be secured, or had better be; "open": ready for mail. */
export function tlsEndOf(
  result: "open" | Verdict,
  handshake: Handshake | undefined,
): TlsEnd | undefined {
  if (handshake !== undefined) return { kind: "handshake", ...handshake };
  if (result === "open") return { kind: "not-offered", why: "" };
  return endOfFailure(result);
}

function endOfFailure(verdict: Verdict): TlsEnd | undefined {
  switch (verdict.kind) {
    case "accepted":
    case "unsendable":
      return undefined;
    case "refused":
      if (verdict.stage !== "STARTTLS") return undefined;
      return { kind: "not-offered", why: `STARTTLS is answered with ${verdict.reply.code}` };
    case "undecided": {
      const { stage, fault } = verdict;
      if (fault.kind === "no-tls") return { kind: "not-offered", why: "" };
      // How it goes with a handshake of its own is told next.
      if (fault.kind === "resumption") return undefined;
      return stage === "STARTTLS" || stage === "TLS"
        ? { kind: "failed", why: fault.message }
        : undefined;
    }
    default:
      return unreachable(verdict);
  }
}
