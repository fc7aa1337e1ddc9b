/**
 * The server's end of TLS for each listener of a configuration.
 *
 * Made as a whole or not at all: a listener that is to have TLS never serves without.
 */
import type { Tls, TlsServer, TlsServerOptions } from "#base/ports/tls.ts";
import type { Config } from "#model/config/config.ts";
import type { Listener } from "#model/config/listener.ts";
import { formatPlace } from "#model/config/place.ts";
import type { TlsMaterial } from "#model/tls-material.ts";
import { tlsServerOptions } from "#policy/tls/server-options.ts";
import { staplings } from "#policy/tls/staple-plan.ts";
import type { StapleShelf } from "./staple-shelf.ts";

export type TlsByListener = ReadonlyMap<Listener, TlsServer>;

/** The string says, in one line, which listener cannot have what it asks for. */
export function tlsByListener(
  config: Config,
  material: TlsMaterial,
  { tls, staples }: { readonly tls: Tls; readonly staples: StapleShelf },
): TlsByListener | string {
  const servers = new Map<Listener, TlsServer>();
  for (const listener of config.listeners) {
    const options = tlsServerOptions(listener, config, material);
    if (options === undefined) continue;
    const server = tls.server(withStaples(options, config, staples));
    if ("kind" in server) return `${formatPlace(listener.at)}: ${server.message}`;
    servers.set(listener, server);
  }
  return servers;
}

/** Where nothing can be stapled nobody is asked for it: the library's question costs time. */
function withStaples(
  options: TlsServerOptions,
  config: Config,
  staples: StapleShelf,
): TlsServerOptions {
  const fingerprints = new Map<string, string>();
  for (const { name, stapling } of staplings(config, options.identities))
    if (stapling.kind === "plan") fingerprints.set(name, stapling.plan.fingerprint);
  if (fingerprints.size === 0) return options;
  return { ...options, staple: (name) => staples.response(fingerprints.get(name) ?? "") };
}
