/**
 * The way of relayed mail: the servers in the order in which they would be tried, with
 * their addresses. Asks DNS, each question for a bounded time, and connects to nobody.
 */
import { formatEndpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Config, RelayAction, RelayHost, Table } from "#model/config/config.ts";
import { formatRelayHost, parseRelayUrl } from "#model/config/relay-url.ts";
import type { ExplainedHop, Way } from "#model/explanation.ts";
import { type Addressed, addressesOf } from "#engine/relay/hop-addresses.ts";
import { exchangersOf, type NextHop } from "#engine/relay/next-hops.ts";
import { compileTable } from "#policy/tables/table-lookup.ts";
import { BoundedResolver } from "./bounded-resolver.ts";

/** Servers of one envelope that are looked up; a delivery tries no more addresses. */
const MAX_HOPS = 8;
/** Addresses that are shown of one server. */
const MAX_SHOWN_ADDRESSES = 4;
const MAX_SHOWN_SOURCES = 8;
const SMTP_PORT = 25;

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
    tls: tlsWords(action),
    limits: [
      `max-conn-per-host ${maxConnPerHost}`,
      `max-conn-per-relay ${maxConnPerRelay}`,
      `max-conn-per-domain ${maxConnPerDomain}`,
    ],
  };
}

function tlsWords({ to, tls, fingerprints, ca }: RelayAction): string {
  if (fingerprints !== undefined) return `required, by fingerprints of <${fingerprints.name}>`;
  const by = ca === undefined ? "the system's authorities" : `ca ${ca.name}`;
  if (tls === "verified") return `required, verified by ${by}`;
  if (tls === "unverified") return "required, whoever the server is";
  const own = to.kind === "hosts" || to.kind === "domain" ? ", or as the host's URL says" : "";
  return `where it is offered${own}`;
}

async function routeOf({ to }: RelayAction, setting: RelaySetting): Promise<Route> {
  const { ports, domain, config } = setting;
  switch (to.kind) {
    case "mx":
      return exchangersRoute(`MX of ${domain}`, ports, domain);
    case "backup":
      return exchangersRoute(`MX of ${domain} before ${to.name}`, ports, domain, to.name);
    case "hosts":
      return { by: "hosts in turn", hops: await hostHops(to.hosts, ports), problem: "" };
    case "domain":
      return domainRoute(to.table, config.subAddressDelimiter, { ports, domain });
    default:
      return unreachable(to);
  }
}

/** A table that is asked is asked when mail goes out. */
async function domainRoute(
  table: Table,
  delimiter: string,
  { ports, domain }: Pick<RelaySetting, "ports" | "domain">,
): Promise<Route> {
  const by = `<${table.name}> by ${domain}`;
  if (table.shape === "remote") return { by, hops: [], problem: "that table was not asked" };
  const answer = await compileTable(table, "domain", { delimiter })(domain);
  if (answer.kind !== "found") return { by, hops: [], problem: "the domain is not in it" };
  const host = parseRelayUrl(answer.value);
  if ("reason" in host) return { by, hops: [], problem: host.reason };
  return { by, hops: await hostHops([host], ports), problem: "" };
}

async function exchangersRoute(
  by: string,
  ports: RelayPorts,
  domain: string,
  backup?: string,
): Promise<Route> {
  if (ports.resolver === undefined) return { by, hops: [], problem: "DNS was not asked" };
  const resolver = new BoundedResolver(ports.resolver, ports.clock);
  const route = await exchangersOf({ resolver, random: ports.random }, domain, backup);
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
      return explainedHop(formatRelayHost(host), host, resolver);
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
  hop: Addressed,
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
