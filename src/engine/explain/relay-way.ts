/**
 * The way of relayed mail: the servers in the order in which they would be tried, with
 * their addresses. Asks DNS, each question for a bounded time, and connects to nobody.
 */
import { formatEndpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { unreachable } from "#base/unreachable.ts";
import type { RelayAction, RelayHost } from "#model/config/action.ts";
import type { Config } from "#model/config/config.ts";
import { formatRelayHost } from "#model/config/relay-url.ts";
import type { ExplainedHop, Way } from "#model/explanation.ts";
import { addressesOf } from "#engine/relay/hop-addresses.ts";
import { exchangersOf, type NextHop } from "#engine/relay/next-hops.ts";
import { BoundedResolver } from "./bounded-resolver.ts";

/** Servers of one envelope that are looked up; a delivery tries no more addresses. */
const MAX_HOPS = 8;
/** Addresses that are shown of one server. */
const MAX_SHOWN_ADDRESSES = 4;
const MAX_SHOWN_SOURCES = 8;
const SMTP_PORT = 25;
const NOT_BUILT = "not built yet";

export interface RelayPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Undefined: DNS is not to be asked. */
  readonly resolver: Resolver | undefined;
}

export interface RelaySetting {
  readonly config: Config;
  readonly ports: RelayPorts;
  /** Of the destination. */
  readonly domain: string;
}

/** Servers, as far as they are known. */
interface Route {
  readonly by: string;
  readonly hops: readonly ExplainedHop[];
  readonly problem: string;
}

export async function relayWay(action: RelayAction, setting: RelaySetting): Promise<Way> {
  const route = await routeOf(action, setting);
  const { maxConnPerHost, maxConnPerRelay, maxConnPerDomain } =
    setting.config.mtaDomainLimits.get(setting.domain.toLowerCase()) ?? setting.config.mtaLimits;
  return {
    kind: "relay",
    ...route,
    helo: action.helo,
    sources: [...(action.src?.entries.keys() ?? [])].slice(0, MAX_SHOWN_SOURCES),
    tls: action.tls,
    limits: [
      `max-conn-per-host ${maxConnPerHost}`,
      `max-conn-per-relay ${maxConnPerRelay}`,
      `max-conn-per-domain ${maxConnPerDomain}`,
    ],
  };
}

async function routeOf({ to }: RelayAction, setting: RelaySetting): Promise<Route> {
  const { ports, domain } = setting;
  switch (to.kind) {
    case "mx":
      return exchangersRoute(`MX of ${domain}`, ports, domain);
    // The relay cannot carry these two out yet (engine/relay), so nobody can say what it would do.
    case "backup":
      return { by: `MX of ${domain} before ${to.name}`, hops: [], problem: NOT_BUILT };
    case "hosts":
      return { by: "hosts in turn", hops: await hostHops(to.hosts, ports), problem: "" };
    case "domain":
      return { by: `<${to.table.name}> by ${domain}`, hops: [], problem: NOT_BUILT };
    default:
      return unreachable(to);
  }
}

async function exchangersRoute(by: string, ports: RelayPorts, domain: string): Promise<Route> {
  if (ports.resolver === undefined) return { by, hops: [], problem: "DNS was not asked" };
  const resolver = new BoundedResolver(ports.resolver, ports.clock);
  const route = await exchangersOf({ resolver, random: ports.random }, domain);
  if (route.kind === "no-route")
    return { by, hops: [], problem: `${route.status} ${route.diagnostic}` };
  const hops = route.hops.slice(0, MAX_HOPS).map(async (hop): Promise<ExplainedHop> => {
    const { endpoint } = hop;
    const preference = endpoint.kind === "tcp" ? resolver.preferenceOf(endpoint.host) : undefined;
    return { ...(await explainedHop(hostOf(hop), hop, resolver)), preference };
  });
  return { by, hops: await Promise.all(hops), problem: "" };
}

async function hostHops(
  hosts: readonly RelayHost[],
  ports: RelayPorts,
): Promise<readonly ExplainedHop[]> {
  const resolver = ports.resolver && new BoundedResolver(ports.resolver, ports.clock);
  return Promise.all(
    hosts.slice(0, MAX_HOPS).map((host) => {
      const hop: NextHop = { dialect: host.protocol, endpoint: host.endpoint };
      return explainedHop(formatRelayHost(host), hop, resolver);
    }),
  );
}

/** A host of port 25 is shown without it. */
function hostOf({ endpoint }: NextHop): string {
  if (endpoint.kind === "tcp" && endpoint.port === SMTP_PORT) return endpoint.host;
  return formatEndpoint(endpoint);
}

async function explainedHop(
  host: string,
  hop: NextHop,
  resolver: Resolver | undefined,
): Promise<ExplainedHop> {
  const plain = { host, preference: undefined, addresses: [], problem: "" };
  if (resolver === undefined) return plain;
  const found = await addressesOf(resolver, hop);
  if (found.kind === "absent") return { ...plain, problem: "has no address" };
  if (found.kind === "no-route") return { ...plain, problem: found.diagnostic };
  const addresses = found.endpoints
    .slice(0, MAX_SHOWN_ADDRESSES)
    .map((endpoint) => (endpoint.kind === "tcp" ? endpoint.host : endpoint.path))
    .filter((address) => !host.includes(address));
  return { ...plain, addresses };
}
