/**
 * A response of OCSP that a certificate is shown with.
 *
 * It belongs to the one certificate that it is about, not to a name of the configuration:
 * one that was replaced is never shown with the response for the other.
 */
import { bytes, type Codec, struct, text, u53 } from "#base/codec.ts";
import { MAX_OCSP_RESPONSE_BYTES } from "#protocols/ocsp/ocsp-response.ts";

export interface Staple {
  /** SHA-256 of the certificate, in hex. */
  readonly fingerprint: string;
  /** DER; empty: there is none any more. */
  readonly response: Uint8Array;
  /** Not shown from then on; by the wall clock. */
  readonly untilMs: number;
}

const FINGERPRINT_DIGITS = 64;

export const stapleCodec: Codec<Staple> = struct<Staple>({
  fingerprint: text(FINGERPRINT_DIGITS),
  response: bytes(MAX_OCSP_RESPONSE_BYTES),
  untilMs: u53,
});
