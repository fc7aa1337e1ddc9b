/**
 * The way of relayed mail: the servers in the order in which they would be tried, with
 * their addresses, and what they promise by DANE and MTA-STS. Asks DNS, and lookup for policies, each
 * question for a bounded time, and connects to nobody.
 */
import { ABSENT, type Lookup } from "#base/lookup.ts";
import { addressOf, formatEndpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { inTime } from "#base/time/in-time.ts";
import { unreachable } from "#base/unreachable.ts";
import type { StsPolicy } from "#protocols/sts/sts-policy.ts";
import type { RelayAction, RelayHost } from "#model/config/action.ts";
import type { Config } from "#model/config/config.ts";
import { DEFAULT_SMTP_PORT } from "#model/config/defaults.ts";
import { formatRelayHost, parseRelayUrl } from "#model/config/relay-url.ts";
import type { Table } from "#model/config/table.ts";
import type { ExplainedHop, Way } from "#model/explanation.ts";
import { destinationPolicy } from "#engine/relay/destination-policy.ts";
import { addressesOf } from "#engine/relay/hop-addresses.ts";
import { exchangersOf, hostsOf, type NextHop } from "#engine/relay/next-hops.ts";
import type { RelayParties } from "#engine/relay/parties.ts";
import { policyOf } from "#engine/relay/routes.ts";
import type { TransportPolicy } from "#policy/transport/transport-policy.ts";
import { compileTable } from "#policy/tables/table-lookup.ts";
import { BoundedResolver, DNS_WAIT_MS, noAnswer } from "./bounded-resolver.ts";

/** Servers of one envelope that are looked up; a delivery tries no more addresses. */
const MAX_HOPS = 8;
/** Addresses that are shown of one server. */
const MAX_SHOWN_ADDRESSES = 4;
const MAX_SHOWN_SOURCES = 8;

export interface RelayPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Undefined: DNS is not to be asked. */
  readonly resolver: Resolver | undefined;
  /** Left out: nobody can be asked for policies of MTA-STS. */
  readonly askSts?: RelayParties["askSts"] | undefined;
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
  const route = await routeOf({ ...setting, action });
  const { maxConnPerHost, maxConnPerRelay, maxConnPerDomain } =
    setting.config.mtaDomainLimits.get(setting.domain.toLowerCase()) ?? setting.config.mtaLimits;
  return {
    kind: "relay",
    ...route,
    helo: action.helo,
    sources: [...(action.src?.entries.keys() ?? [])].slice(0, MAX_SHOWN_SOURCES),
    tls: tlsWords(action, setting.config),
    limits: [
      `max-conn-per-host ${maxConnPerHost}`,
      `max-conn-per-relay ${maxConnPerRelay}`,
      `max-conn-per-domain ${maxConnPerDomain}`,
    ],
  };
}

function tlsWords(
  { to, tls, fingerprints, ca }: RelayAction,
  { mtaSts }: Pick<Config, "mtaSts">,
): string {
  if (fingerprints !== undefined) return `required, by fingerprints of <${fingerprints.name}>`;
  const by = ca === undefined ? "the system's authorities" : `ca ${ca.name}`;
  if (tls === "verified") return `required, verified by ${by}`;
  if (tls === "unverified") return "required, whoever the server is";
  const own = to.kind === "hosts" || to.kind === "domain" ? ", or as the host's URL says" : "";
  // What it says is shown with each server, where it can be asked for.
  const sts = mtaSts && (to.kind === "mx" || to.kind === "backup");
  return `where it is offered${own}${sts ? ", or as the domain's policy of MTA-STS says" : ""}`;
}

/** What is explained, of one action. */
interface Question extends RelaySetting {
  readonly action: RelayAction;
}

async function routeOf(question: Question): Promise<Route> {
  const { domain, action } = question;
  const { to } = action;
  switch (to.kind) {
    case "mx":
      return exchangersRoute(`MX of ${domain}`, question);
    case "backup":
      return exchangersRoute(`MX of ${domain} before ${to.name}`, question, to.name);
    case "hosts":
      return { by: "hosts in turn", hops: await hostHops(to.hosts, question), problem: "" };
    case "domain":
      return domainRoute(to.table, question);
    default:
      return unreachable(to);
  }
}

/** A table that is asked is asked when mail goes out. */
async function domainRoute(table: Table, question: Question): Promise<Route> {
  const { domain, config } = question;
  const by = `<${table.name}> by ${domain}`;
  if (table.shape === "remote") return { by, hops: [], problem: "that table was not asked" };
  const answer = await compileTable(table, "domain", {
    delimiter: config.subAddressDelimiter,
  })(domain);
  if (answer.kind !== "found") return { by, hops: [], problem: "the domain is not in it" };
  const host = parseRelayUrl(answer.value);
  if ("reason" in host) return { by, hops: [], problem: host.reason };
  return { by, hops: await hostHops([host], question), problem: "" };
}

async function exchangersRoute(
  by: string,
  { ports, domain, action }: Question,
  backup?: string,
): Promise<Route> {
  if (ports.resolver === undefined) return { by, hops: [], problem: "DNS was not asked" };
  const resolver = new BoundedResolver(ports.resolver, ports.clock);
  const route = await exchangersOf({ resolver, random: ports.random }, domain, backup);
  if (route.kind === "no-route")
    return { by, hops: [], problem: `${route.status} ${route.diagnostic}` };
  const hops = route.hops
    .slice(0, MAX_HOPS)
    .map((hop) => explainedHop(hostOf(hop), { hop, action }, { ...ports, resolver }));
  return { by, hops: await Promise.all(hops), problem: "" };
}

async function hostHops(
  hosts: readonly RelayHost[],
  { ports, action }: Question,
): Promise<readonly ExplainedHop[]> {
  const resolver = ports.resolver && new BoundedResolver(ports.resolver, ports.clock);
  return Promise.all(
    hosts
      .slice(0, MAX_HOPS)
      .flatMap((host) =>
        hostsOf([host], 0).hops.map((hop) =>
          explainedHop(formatRelayHost(host), { hop, action }, { ...ports, resolver }),
        ),
      ),
  );
}

/** As a relay host is written: without port 25. */
function hostOf({ endpoint }: NextHop): string {
  const written = formatEndpoint(endpoint);
  const hasPort25 = endpoint.kind === "tcp" && endpoint.port === DEFAULT_SMTP_PORT;
  return hasPort25 ? written.slice(0, -PORT_25.length) : written;
}

const PORT_25 = `:${DEFAULT_SMTP_PORT}`;

async function explainedHop(
  host: string,
  { hop, action }: { readonly hop: NextHop; readonly action: RelayAction },
  { resolver, clock, askSts }: Omit<RelayPorts, "random">,
): Promise<ExplainedHop> {
  const { preference } = hop;
  const plain = { host, preference, addresses: [], tls: "", problem: "" };
  if (resolver === undefined) return plain;
  const found = await addressesOf(resolver, hop);
  if (found.kind === "absent") return { ...plain, problem: "has no address" };
  if (found.kind === "no-route") return { ...plain, problem: found.diagnostic };
  const addresses = found.endpoints
    .slice(0, MAX_SHOWN_ADDRESSES)
    .map(addressOf)
    .filter((address) => !host.includes(address));
  const asked = policyOf(action, hop);
  if (asked.kind === "no-route") return { ...plain, addresses, problem: asked.diagnostic };
  const destination = { hop, addresses: found, tls: "by-policy" as const };
  const asking = { resolver, askSts: askSts === undefined ? noSts : stsInTime(askSts, clock) };
  const { policy, promised } = await destinationPolicy(asking, asked, destination);
  if (policy.kind === "no-route") return { ...plain, addresses, problem: policy.diagnostic };
  if (promised?.type === "sts")
    return { ...plain, addresses, tls: policy === asked ? STS_IN_TESTING : STS_ENFORCED };
  return { ...plain, addresses, tls: policy === asked ? "" : promiseText(policy) };
}

const STS_ENFORCED =
  "TLS required and the server's name verified, by the domain's policy of MTA-STS";
const STS_IN_TESTING = "the domain's policy of MTA-STS is being tested, and asks for nothing";

const noSts = async (): Promise<typeof ABSENT> => ABSENT;

/** Whoever has to be asked for a policy is waited for no longer than DNS. */
function stsInTime(
  ask: RelayParties["askSts"],
  clock: RelayPorts["clock"],
): RelayParties["askSts"] {
  return (domain) => inTime<Lookup<StsPolicy>>(ask(domain), { clock, ms: DNS_WAIT_MS }, noAnswer);
}

/** Of a server that promises more than the action asks for. */
function promiseText(policy: TransportPolicy): string {
  if (policy.kind !== "required") return "";
  if (policy.proof.kind !== "dane") return "TLS required: its TLSA records are of no use";
  const { length } = policy.proof.records;
  return `TLS required, by ${length === 1 ? "a TLSA record" : `${length} TLSA records`}`;
}
