/**
 * Whether mail that is sent to an endpoint would come back to this daemon: it listens there.
 *
 * Source: RFC 5321 §5.1 (an exchanger that is ourselves).
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { Config } from "#model/config/config.ts";

const ANY_ADDRESS: readonly string[] = ["0.0.0.0", "::"];

/** @param ownAddresses those of this machine. */
export function ownEndpoints(
  { listeners }: Pick<Config, "listeners">,
  ownAddresses: readonly string[],
): (endpoint: Endpoint) => boolean {
  const own = new Set(ownAddresses);
  return (endpoint) => {
    if (endpoint.kind === "unix") return false;
    return listeners.some(({ endpoint: bound }) => {
      if (bound.kind === "unix" || bound.port !== endpoint.port) return false;
      if (bound.host === endpoint.host) return true;
      return ANY_ADDRESS.includes(bound.host) && own.has(endpoint.host);
    });
  };
}
