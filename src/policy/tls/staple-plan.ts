/**
 * Which certificates of a configuration are shown with a response of OCSP, and where each
 * response is from.
 *
 * Only certificates that listeners show: a client's is not stapled.
 *
 * Source: smtpd.conf(5) `pki … ocsp`; RFC 6066 §8; RFC 7633.
 */
import { createHash } from "node:crypto";
import type { TlsIdentity } from "#base/ports/tls.ts";
import { type Certificate, parseCertificate } from "#protocols/ocsp/certificate.ts";
import type { Issued } from "#protocols/ocsp/cert-id.ts";
import { pemCertificates } from "#protocols/ocsp/pem.ts";
import type { Config } from "#model/config/config.ts";
import type { Pki } from "#model/config/pki.ts";

export type StapleSource =
  | { readonly kind: "responder"; readonly url: string }
  | { readonly kind: "file"; readonly path: string };

export interface StaplePlan extends Issued {
  /** Of the pki, for the log. */
  readonly name: string;
  /** As in model/staple.ts. */
  readonly fingerprint: string;
  readonly source: StapleSource;
}

export type Stapling =
  | { readonly kind: "plan"; readonly plan: StaplePlan }
  /** Nobody asks for it. */
  | { readonly kind: "none"; readonly why: string }
  | { readonly kind: "cannot"; readonly why: string };

/** Of one pki. `pem` is its certificate and what is sent along. */
export function stapling({ name, ocsp }: Pick<Pki, "name" | "ocsp">, pem: string): Stapling {
  if (ocsp.kind === "off") return { kind: "none", why: "ocsp is off" };
  const [der, ...chain] = pemCertificates(pem);
  const certificate = der && parseCertificate(der);
  if (der === undefined || certificate === undefined)
    return {
      kind: ocsp.kind === "auto" ? "none" : "cannot",
      why: "the certificate is not understood",
    };
  const source = sourceOf(ocsp, certificate);
  if (source === undefined) return { kind: "none", why: "the certificate names no responder" };
  const issuer = chain
    .map(parseCertificate)
    .find((each) => each !== undefined && isSame(each.subject, certificate.issuer));
  if (issuer === undefined)
    return { kind: "cannot", why: "the certificate of its issuer is not in the file" };
  const fingerprint = createHash("sha256").update(der).digest("hex");
  return { kind: "plan", plan: { name, fingerprint, source, certificate, issuer } };
}

/** By pki, of those that listeners show; none of what nobody asks for. */
export function staplings(
  config: Pick<Config, "pkis">,
  identities: readonly Pick<TlsIdentity, "name" | "certificate">[],
): readonly { readonly name: string; readonly stapling: Stapling }[] {
  return identities.flatMap(({ name, certificate }) => {
    const pki = config.pkis.get(name);
    if (pki === undefined) return [];
    const found = stapling(pki, certificate);
    return found.kind === "none" ? [] : [{ name, stapling: found }];
  });
}

/** What staples take: nothing, a file that is read, or a responder that is asked. */
export function staplesNeed(
  config: Pick<Config, "pkis" | "listeners">,
  identities: readonly Pick<TlsIdentity, "name" | "certificate">[],
): "nothing" | "files" | "responders" {
  const shown = shownPkis(config);
  const plans = staplings(
    config,
    identities.filter(({ name }) => shown.has(name)),
  ).flatMap(({ stapling: each }) => (each.kind === "plan" ? [each.plan] : []));
  if (plans.some(({ source }) => source.kind === "responder")) return "responders";
  return plans.length > 0 ? "files" : "nothing";
}

export function shownPkis({ listeners }: Pick<Config, "listeners">): ReadonlySet<string> {
  return new Set(
    listeners.flatMap(({ tls }) => (tls.mode === "none" ? [] : tls.pkis.map(({ name }) => name))),
  );
}

function sourceOf(ocsp: Pki["ocsp"], { responder }: Certificate): StapleSource | undefined {
  if (ocsp.kind === "file") return { kind: "file", path: ocsp.path };
  return responder === undefined ? undefined : { kind: "responder", url: responder };
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
