/**
 * The client's end of TLS for each relay action of a configuration.
 *
 * Made as a whole or not at all: a relay whose settings nobody can speak is no relay. Actions
 * that speak alike share an end, which holds every authority that it asks.
 */
import type { Tls, TlsClient } from "#base/ports/tls.ts";
import type { Config } from "#model/config/config.ts";
import { formatPlace } from "#model/config/place.ts";
import type { TlsMaterial } from "#model/tls-material.ts";
import { tlsClientOptions } from "#policy/transport/client-options.ts";
import { speaksTls } from "./slice-tls.ts";

/** By the action's name; one that never speaks TLS is not in it. */
export type TlsByRelay = ReadonlyMap<string, TlsClient>;

/** The string says, in one line, which action cannot have what it asks for. */
export function tlsByRelay(
  config: Pick<Config, "actions" | "tls">,
  material: TlsMaterial,
  tls: Tls,
): TlsByRelay | string {
  const ends = new Map<string, TlsClient>();
  const byAction = new Map<string, TlsClient>();
  for (const action of config.actions.values()) {
    if (action.kind !== "relay" || !speaksTls(action)) continue;
    const options = tlsClientOptions(action, config, material);
    const key = JSON.stringify([options.offer, action.pki?.name, action.ca?.name]);
    const end = ends.get(key) ?? tls.client(options);
    if ("kind" in end) return `${formatPlace(action.at)}: ${end.message}`;
    ends.set(key, end);
    byAction.set(action.name, end);
  }
  return byAction;
}
