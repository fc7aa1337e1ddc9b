/**
 * How a listener is to speak TLS, with the certificates that it shows.
 *
 * Source: smtpd.conf(5) `listen on`; OpenSMTPD smtp.c (one configuration for each listener).
 */
import { formatEndpoint } from "#base/endpoint.ts";
import type { TlsAuthorities, TlsServerOptions } from "#base/ports/tls.ts";
import type { Config } from "#model/config/config.ts";
import type { Listener } from "#model/config/listener.ts";
import type { Ca } from "#model/config/pki.ts";
import type { Table } from "#model/config/table.ts";
import { SYSTEM_AUTHORITY, type TlsMaterial } from "#model/tls-material.ts";
import { tlsOffer } from "./offer.ts";

/**
 * Undefined of a listener without TLS.
 *
 * @throws {TypeError} if `material` lacks what the listener shows: it is of another configuration.
 */
export function tlsServerOptions(
  { tls, endpoint }: Listener,
  config: Pick<Config, "tls">,
  material: TlsMaterial,
): TlsServerOptions | undefined {
  if (tls.mode === "none") return undefined;
  const wantsDhe = tls.pkis.find(({ dhe }) => dhe !== "none");
  return {
    offer: tlsOffer(tls.settings, config.tls, wantsDhe?.dhe ?? "none"),
    identities: tls.pkis.map(({ name }) => {
      const identity = material.identities.find((each) => each.name === name);
      if (identity === undefined) throw new TypeError(`Cannot show pki ${name}: it is not there`);
      return identity;
    }),
    clients: tls.verify ? authoritiesOf(tls, material) : undefined,
    tickets: { key: material.ticketKey, context: formatEndpoint(endpoint) },
  };
}

function authoritiesOf(
  { ca, fingerprints }: { readonly ca: Ca | undefined; readonly fingerprints: Table | undefined },
  { authorities }: TlsMaterial,
): TlsAuthorities {
  // Of who is known by the certificate itself nobody needs to vouch.
  if (ca === undefined && fingerprints !== undefined) return "system";
  const wanted = ca?.name ?? SYSTEM_AUTHORITY;
  const authority = authorities.find(({ name }) => name === wanted);
  if (authority === undefined) throw new TypeError(`Cannot ask ca '${wanted}': it is not there`);
  return { pem: authority.pem };
}
