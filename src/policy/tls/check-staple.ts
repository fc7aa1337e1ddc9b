/**
 * Whether a response of OCSP is one to show a certificate with.
 *
 * It must be about that certificate, say "good", be of now, and be signed by the issuer or
 * by whom the issuer has certified for that. One that says "revoked" is not shown: nobody
 * is helped by a server that vouches against itself, who asks will learn it from the
 * responder, and the log is loud. "Unknown" is no answer.
 *
 * Not looked at: whether the responder's own certificate was revoked (RFC 6960 §4.2.2.2.1
 * leaves that to us; it lives for days).
 *
 * Source: RFC 6960 §3.2, §4.2.2.2.
 */
import type { Signatures } from "#base/ports/signatures.ts";
import { isAbout, type Issued, sha1 } from "#protocols/ocsp/cert-id.ts";
import type { Certificate } from "#protocols/ocsp/certificate.ts";
import {
  type OcspAnswer,
  type OcspResponse,
  parseOcspResponse,
  type ResponderId,
} from "#protocols/ocsp/ocsp-response.ts";

/** A responder's clock may be ahead of ours by that. */
export const RESPONDER_SKEW_MS: number = 5 * 60_000;
/** How long one is good that does not say: its responder is asked again in half of that. */
export const UNSAID_LIFE_MS: number = 24 * 60 * 60_000;

export type StapleVerdict =
  | { readonly kind: "good"; readonly untilMs: number }
  | { readonly kind: "revoked"; readonly atMs: number }
  | { readonly kind: "fault"; readonly why: string };

/** @param nowMs by the wall clock. */
export function checkStaple(
  bytes: Uint8Array,
  issued: Issued,
  signatures: Signatures,
  nowMs: number,
): StapleVerdict {
  const response = parseOcspResponse(bytes);
  if (typeof response === "string") return fault(response);
  const answer = response.answers.find(({ id }) => isAbout(id, issued));
  if (answer === undefined) return fault("the response is about another certificate");
  const signer = signerOf(response, issued.issuer, signatures, nowMs);
  if (signer === undefined) return fault("the response is of somebody who may not answer");
  if (!signatures.isSigned(response, signer.publicKey))
    return fault("the signature of the response is wrong");
  return verdictOf(answer, nowMs);
}

function verdictOf({ status, ...times }: OcspAnswer, nowMs: number): StapleVerdict {
  const { thisUpdateMs, nextUpdateMs = thisUpdateMs + UNSAID_LIFE_MS } = times;
  if (thisUpdateMs > nowMs + RESPONDER_SKEW_MS) return fault("the response is of the future");
  // RFC 6960 §4.2.2.1: unreliable from then on; clients have no patience with it.
  if (nextUpdateMs <= nowMs) return fault("the response is too old");
  if (status.kind === "revoked") return { kind: "revoked", atMs: status.atMs };
  if (status.kind === "unknown") return fault("the responder does not know the certificate");
  return { kind: "good", untilMs: nextUpdateMs };
}

/** RFC 6960 §4.2.2.2: the issuer, or one with a certificate of the issuer's for this use. */
function signerOf(
  { responder, certificates }: OcspResponse,
  issuer: Certificate,
  signatures: Signatures,
  nowMs: number,
): Certificate | undefined {
  if (isNamed(responder, issuer)) return issuer;
  return certificates.find(
    (each) =>
      isNamed(responder, each) &&
      each.signsOcsp &&
      each.notBeforeMs <= nowMs + RESPONDER_SKEW_MS &&
      nowMs < each.notAfterMs &&
      isSame(each.issuer, issuer.subject) &&
      signatures.isSigned(each, issuer.publicKey),
  );
}

function isNamed(responder: ResponderId, { subject, keyBits }: Certificate): boolean {
  return responder.kind === "name"
    ? isSame(responder.name, subject)
    : isSame(responder.hash, sha1(keyBits));
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function fault(why: string): StapleVerdict {
  return { kind: "fault", why };
}
