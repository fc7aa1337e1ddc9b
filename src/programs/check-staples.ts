/**
 * Whether certificates that listeners show can be stapled, and whether they must be.
 *
 * No responder is asked. Source: smtpd.conf(5) `pki … ocsp`; RFC 7633.
 */
import { parseCertificate } from "#protocols/ocsp/certificate.ts";
import { pemCertificates } from "#protocols/ocsp/pem.ts";
import type { Config } from "#model/config/config.ts";
import type { Pki } from "#model/config/pki.ts";
import { type Finding, warning } from "#policy/check/finding.ts";
import { shownPkis, stapling } from "#policy/tls/staple-plan.ts";

/** Of one pki, with what is in the file of its certificate. */
export function stapleFaults(pki: Pki, config: Config, pem: string): readonly Finding[] {
  const { name, places, at } = pki;
  if (!shownPkis(config).has(name)) return [];
  const found = stapling(pki, pem);
  if (found.kind === "plan") return [];
  const where = places.ocsp ?? places.cert ?? at;
  if (mustStaple(pem)) {
    const message = `the certificate of pki ${name} must be stapled, and will not be: ${found.why}`;
    return [warning(where, message, "clients that look will refuse the certificate")];
  }
  return found.kind === "none"
    ? []
    : [warning(where, `pki ${name} will not be stapled: ${found.why}`)];
}

function mustStaple(pem: string): boolean {
  const [der] = pemCertificates(pem);
  return der !== undefined && parseCertificate(der)?.mustStaple === true;
}
