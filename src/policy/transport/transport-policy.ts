/**
 * What is asked of the connection to a server before mail goes over it.
 *
 * "clear" and "opportunistic" are all that can be had without knowing what the server
 * promises; each source of such knowledge (the action, a fingerprint, DANE, MTA-STS) makes
 * a policy "required", with the proof that it wants.
 *
 * Source: RFC 7435 (opportunistic security); RFC 3207 §4; OpenSMTPD mta_session.c.
 */
import { unreachable } from "#base/unreachable.ts";
import type { TlsaRecord } from "#base/ports/resolver.ts";
import { formatTlsa } from "./tlsa.ts";

export type TransportPolicy =
  /** TLS is not even tried. */
  | { readonly kind: "clear" }
  /** TLS where it is offered, whoever the server is; in the clear where it fails. */
  | { readonly kind: "opportunistic" }
  /** TLS and this proof, or nothing is sent. */
  | { readonly kind: "required"; readonly proof: PeerProof };

/** What shows that the server is the one that is meant. */
export type PeerProof =
  /** Nothing: who only listens learns nothing, and that is all. */
  | { readonly kind: "none" }
  /** An authority vouches for its certificate, and for the name that was asked for (SNI). */
  | { readonly kind: "name" }
  /** Its certificate or its key is one of these, as parseFingerprint gives them; nobody need vouch. */
  | { readonly kind: "fingerprints"; readonly fingerprints: readonly string[] }
  /** Its chain has what one of these says, which the DNS has for it, signed. */
  | {
      readonly kind: "dane";
      /** Usable ones; at least one. */
      readonly records: readonly TlsaRecord[];
      /** The first is asked for (SNI); one that an authority of the records vouches for is for any of them. */
      readonly names: readonly [string, ...string[]];
    };

/** In the words of the log. */
export function policyWord(policy: TransportPolicy): string {
  return policy.kind === "required" ? PROOF_WORDS[policy.proof.kind] : policy.kind;
}

const PROOF_WORDS: Readonly<Record<PeerProof["kind"], string>> = {
  none: "required",
  name: "verified",
  fingerprints: "fingerprint",
  dane: "dane",
};

/** The same for policies that ask for the same, and for no others: part of a route's key. */
export function policyKey(policy: TransportPolicy): string {
  if (policy.kind !== "required") return policy.kind;
  const { proof } = policy;
  switch (proof.kind) {
    case "none":
    case "name":
      return `required ${proof.kind}`;
    case "fingerprints":
      return `required ${proof.fingerprints.join(" ")}`;
    case "dane":
      return `required ${[...proof.names, ...proof.records.map(formatTlsa)].join(" ")}`;
    default:
      return unreachable(proof);
  }
}
