/**
 * Whether a server that has finished its handshake may be sent mail.
 *
 * Pure. "proven" is what mail that requires TLS on its whole way asks for (RFC 8689).
 */
import { unreachable } from "#base/unreachable.ts";
import type { TlsPeer } from "#base/ports/tls.ts";
import { matchesTlsa } from "./match-tlsa.ts";
import type { TransportPolicy } from "./transport-policy.ts";

export type PeerJudgement =
  | { readonly kind: "proven" }
  /** Good enough, but nobody knows who it is. */
  | { readonly kind: "encrypted" }
  | { readonly kind: "refused"; readonly why: string };

/** `peer`: what the server showed; undefined: nothing. */
export function judgePeer(policy: TransportPolicy, peer: TlsPeer | undefined): PeerJudgement {
  if (policy.kind !== "required" || policy.proof.kind === "none") return { kind: "encrypted" };
  if (peer === undefined) return refused("Server showed no certificate");
  const { proof } = policy;
  switch (proof.kind) {
    case "name":
      return peer.verified ? PROVEN : refused(`Server certificate not verified: ${peer.why}`);
    case "fingerprints": {
      const isKnown = [peer.fingerprint, peer.keyFingerprint].some((shown) =>
        proof.fingerprints.includes(shown.toLowerCase()),
      );
      return isKnown ? PROVEN : refused("Server certificate is none of those that are known");
    }
    case "dane": {
      const isMatched = matchesTlsa(proof.records, peer.chain(), proof.names);
      return isMatched ? PROVEN : refused("Server certificate matches no TLSA record");
    }
    default:
      return unreachable(proof);
  }
}

const PROVEN: PeerJudgement = { kind: "proven" };

function refused(why: string): PeerJudgement {
  return { kind: "refused", why };
}
