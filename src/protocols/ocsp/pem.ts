/** Certificates of a PEM text, as DER, in their order. Source: RFC 7468. */

/** More than one chain has. */
const MAX_CERTIFICATES = 100;
const BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/gu;

export function pemCertificates(pem: string): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const [, base64 = ""] of pem.matchAll(BLOCK)) {
    if (found.length === MAX_CERTIFICATES) break;
    found.push(Buffer.from(base64, "base64"));
  }
  return found;
}
