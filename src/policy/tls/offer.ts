/**
 * What one end of TLS offers: its own settings, else those of `smtp tls`, else the level
 * "secure".
 *
 * `ciphers` and `protocols` stand beside each other, as in OpenSMTPD: a level says which
 * ciphers, not which versions. Names of suites (`TLS_…`) and of ciphers may be mixed in
 * one list. A list of suites alone has nothing for versions before TLSv1.3, which are
 * then not offered; one without suites leaves TLSv1.3 its own.
 */
import type { TlsOffer, TlsVersionName } from "#base/ports/tls.ts";
import type { Pki } from "#model/config/pki.ts";
import type { TlsCiphers, TlsSettings, TlsVersion } from "#model/config/tls-settings.ts";
import { DEFAULT_GROUPS, DEFAULT_SUITES, LEVEL_CIPHERS, OLD_VERSIONS_LEVEL } from "./levels.ts";

const VERSION_NAMES: Readonly<Record<TlsVersion, TlsVersionName>> = {
  "tlsv1.0": "TLSv1",
  "tlsv1.1": "TLSv1.1",
  "tlsv1.2": "TLSv1.2",
  "tlsv1.3": "TLSv1.3",
};
const DEFAULT_VERSIONS: readonly TlsVersion[] = ["tlsv1.2", "tlsv1.3"];
const SECURE: TlsCiphers = { kind: "level", level: "secure" };
const MODERN: readonly TlsVersionName[] = ["TLSv1.2", "TLSv1.3"];

export function tlsOffer(own: TlsSettings, general: TlsSettings, dhe: Pki["dhe"]): TlsOffer {
  const { ciphers, suites } = split(own.ciphers ?? general.ciphers ?? SECURE);
  const versions = (own.protocols ?? general.protocols ?? DEFAULT_VERSIONS)
    .map((version) => VERSION_NAMES[version])
    .filter((version) => version === "TLSv1.3" || ciphers !== "");
  const isOld = versions.some((version) => !MODERN.includes(version));
  const hasOwnLevel = ciphers.includes("@SECLEVEL");
  return {
    versions,
    ciphers: ciphers !== "" && isOld && !hasOwnLevel ? `${ciphers}:${OLD_VERSIONS_LEVEL}` : ciphers,
    suites: versions.includes("TLSv1.3") ? suites : "",
    groups: (own.curves ?? general.curves)?.join(":") ?? DEFAULT_GROUPS,
    dhe: dhe === "none" ? "none" : "auto",
  };
}

function split(ciphers: TlsCiphers): { readonly ciphers: string; readonly suites: string } {
  if (ciphers.kind === "level")
    return { ciphers: LEVEL_CIPHERS[ciphers.level], suites: DEFAULT_SUITES };
  const suites = ciphers.names.filter(isSuite);
  return {
    ciphers: ciphers.names.filter((name) => !isSuite(name)).join(":"),
    suites: suites.length > 0 ? suites.join(":") : DEFAULT_SUITES,
  };
}

function isSuite(name: string): boolean {
  return name.startsWith("TLS_");
}
