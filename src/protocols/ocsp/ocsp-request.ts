/**
 * The question of OCSP: one certificate, unsigned, without a nonce, so that responders may
 * give the answer that they have ready. Source: RFC 6960 §4.1, RFC 5019 §2.1.
 */
import { encodeCertId, type Issued } from "./cert-id.ts";
import { encodeDer, TAG } from "./der.ts";

export const OCSP_REQUEST_TYPE = "application/ocsp-request";

export function encodeOcspRequest(issued: Issued): Uint8Array {
  const request = encodeDer(TAG.sequence, encodeCertId(issued));
  const requestList = encodeDer(TAG.sequence, request);
  const toBeSigned = encodeDer(TAG.sequence, requestList);
  return encodeDer(TAG.sequence, toBeSigned);
}
