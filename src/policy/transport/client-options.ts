/**
 * How a relay action speaks TLS as a client: its own settings, its certificate, and whom
 * it trusts to vouch for servers.
 *
 * Source: smtpd.conf(5) (relay: protocols, ciphers, curves, pki, ca).
 */
import type { TlsClientOptions } from "#base/ports/tls.ts";
import type { RelayAction } from "#model/config/action.ts";
import type { Config } from "#model/config/config.ts";
import { SYSTEM_AUTHORITY, type TlsMaterial } from "#model/tls-material.ts";
import { tlsOffer } from "#policy/tls/offer.ts";

/** @throws {TypeError} if `material` lacks what the action names: it is of another configuration. */
export function tlsClientOptions(
  { tlsSettings, pki, ca }: RelayAction,
  { tls }: Pick<Config, "tls">,
  { identities, authorities }: TlsMaterial,
): TlsClientOptions {
  const identity = pki && identities.find(({ name }) => name === pki.name);
  if (pki !== undefined && identity === undefined)
    throw new TypeError(`Cannot show pki ${pki.name}: it is not there`);
  const wanted = ca?.name ?? SYSTEM_AUTHORITY;
  const authority = authorities.find(({ name }) => name === wanted);
  if (ca !== undefined && authority === undefined)
    throw new TypeError(`Cannot ask ca '${ca.name}': it is not there`);
  return {
    offer: tlsOffer(tlsSettings, tls, "none"),
    authorities: authority === undefined ? "system" : { pem: authority.pem },
    identity,
  };
}
