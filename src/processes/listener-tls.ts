/**
 * The server's end of TLS for each listener of a configuration.
 *
 * Made as a whole or not at all: a listener that is to have TLS never serves without.
 */
import type { Tls, TlsServer } from "#base/ports/tls.ts";
import { type Config, formatPlace, type Listener } from "#model/config/config.ts";
import type { TlsMaterial } from "#model/tls-material.ts";
import { tlsServerOptions } from "#policy/tls/server-options.ts";

export type TlsByListener = ReadonlyMap<Listener, TlsServer>;

/** The string says, in one line, which listener cannot have what it asks for. */
export function tlsByListener(
  config: Config,
  material: TlsMaterial,
  tls: Tls,
): TlsByListener | string {
  const servers = new Map<Listener, TlsServer>();
  for (const listener of config.listeners) {
    const options = tlsServerOptions(listener, config, material);
    if (options === undefined) continue;
    const server = tls.server(options);
    if ("kind" in server) return `${formatPlace(listener.at)}: ${server.message}`;
    servers.set(listener, server);
  }
  return servers;
}
