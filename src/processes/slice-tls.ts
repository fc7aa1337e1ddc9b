/**
 * Which process is told which certificate and key: a dispatcher those that its listeners
 * show and its relays offer, lookup the certificates that may be stapled, without keys, and
 * the authorities that vouch for issuers of tokens, nobody else any.
 */
import type { RelayAction } from "#model/config/action.ts";
import type { Config } from "#model/config/config.ts";
import type { OAuth } from "#model/config/oauth.ts";
import { oauthsInUse } from "#model/config/oauths-in-use.ts";
import { NO_TLS_MATERIAL, SYSTEM_AUTHORITY, type TlsMaterial } from "#model/tls-material.ts";
import { shownPkis } from "#policy/tls/staple-plan.ts";
import type { Role } from "./roles.ts";

export function tlsSlice(material: TlsMaterial, role: Role, config: Config): TlsMaterial {
  if (role === "dispatcher") return material;
  return role === "lookup" ? certificatesOnly(material, config) : NO_TLS_MATERIAL;
}

function certificatesOnly(
  { version, identities, authorities }: TlsMaterial,
  config: Config,
): TlsMaterial {
  const vouching = new Set(Array.from(oauthsInUse(config), authorityOf));
  const shown = shownPkis(config);
  return {
    ...NO_TLS_MATERIAL,
    version,
    identities: identities
      .filter(({ name }) => shown.has(name) && config.pkis.get(name)?.ocsp.kind !== "off")
      .map(({ name, certificate }) => ({ name, certificate, key: "" })),
    authorities: authorities.filter(({ name }) => vouching.has(name)),
  };
}

/** Whether a relay may ever have to be sure of a server. */
export function speaksTls({ to }: RelayAction): boolean {
  if (to.kind !== "hosts" || to.table.shape === "remote") return true;
  return to.hosts.some(({ tls }) => tls !== "never");
}

/** Names of what TLS of `config` needs; a pki that nobody uses is never opened. */
export function tlsNeeds(config: Config): {
  readonly pkis: ReadonlySet<string>;
  readonly cas: ReadonlySet<string>;
  /** Somebody is to be vouched for by whom the system trusts. */
  readonly system: boolean;
} {
  const pkis = new Set<string>();
  const cas = new Set<string>();
  let system = false;
  for (const { tls } of config.listeners) {
    if (tls.mode === "none") continue;
    for (const { name } of tls.pkis) pkis.add(name);
    if (!tls.verify) continue;
    if (tls.ca !== undefined) cas.add(tls.ca.name);
    else if (tls.fingerprints === undefined) system = true;
  }
  for (const action of config.actions.values()) {
    if (action.kind !== "relay") continue;
    if (action.pki !== undefined) pkis.add(action.pki.name);
    if (action.ca !== undefined) cas.add(action.ca.name);
    else if (speaksTls(action)) system = true;
  }
  for (const oauth of oauthsInUse(config)) {
    if (oauth.ca !== undefined) cas.add(oauth.ca.name);
    else system ||= isHttps(oauth);
  }
  return { pkis, cas, system };
}

/** The name of who vouches for the issuer. */
export function authorityOf({ ca }: OAuth): string {
  return ca?.name ?? SYSTEM_AUTHORITY;
}

function isHttps({ url }: OAuth): boolean {
  return url.toLowerCase().startsWith("https:");
}
