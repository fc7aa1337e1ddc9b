/**
 * Where an envelope would go from the queue: the mailbox and the account that writes
 * it, or the servers in the order in which they would be tried. Asks the system's users
 * and DNS, each for a bounded time, and opens no connection.
 */
import { formatEndpoint } from "#base/endpoint.ts";
import { found, type Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { Users } from "#base/ports/users.ts";
import { unreachable } from "#base/unreachable.ts";
import { domainOf } from "#protocols/mail/address.ts";
import type { Config, Format, LocalAction, RelayAction, RelayHost } from "#model/config/config.ts";
import { formatRelayHost } from "#model/config/relay-url.ts";
import type { ExplainedAccount, ExplainedEnvelope, ExplainedHop, Way } from "#model/explanation.ts";
import type { PlannedEnvelope } from "#model/resolution.ts";
import { expandCommand, expandFormat, type FormatValues } from "#policy/expand/format.ts";
import { compileTable } from "#policy/tables/table-lookup.ts";
import { parseUserinfo, type Userinfo } from "#policy/tables/values.ts";
import { addressesOf } from "#engine/relay/hop-addresses.ts";
import { exchangersOf, type NextHop } from "#engine/relay/next-hops.ts";
import { BoundedResolver } from "./bounded-resolver.ts";

/** Servers of one envelope that are looked up; a delivery tries no more addresses. */
const MAX_HOPS = 8;
/** Addresses that are shown of one server. */
const MAX_SHOWN_ADDRESSES = 4;
const MAX_SHOWN_SOURCES = 8;
const SMTP_PORT = 25;

export interface WayPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly users: Users;
  /** Undefined: DNS is not to be asked. */
  readonly resolver: Resolver | undefined;
}

/** The addresses that an envelope comes from and goes to. */
export interface Path {
  readonly reversePath: string;
  readonly forwardPath: string;
}

export async function explainEnvelope(
  config: Config,
  ports: WayPorts,
  { planned, path }: { readonly planned: PlannedEnvelope; readonly path: Path },
): Promise<ExplainedEnvelope> {
  const action = config.actions.get(planned.action);
  if (action === undefined) throw new TypeError(`Cannot explain: no action ${planned.action}`);
  const { destination, rule, ttlMs } = planned;
  return {
    destination,
    rule,
    action: action.name,
    actionAt: action.at,
    method: action.kind,
    ttlMs,
    way:
      action.kind === "relay"
        ? await relayWay(action, { config, ports, domain: domainOf(destination) })
        : await localWay(action, { config, ports, planned, path }),
  };
}

// Local.

interface LocalSetting {
  readonly config: Config;
  readonly ports: WayPorts;
  readonly planned: PlannedEnvelope;
  readonly path: Path;
}

async function localWay(action: LocalAction, setting: LocalSetting): Promise<Way> {
  const { transport, destination } = setting.planned;
  const user = transport.kind === "mda" ? transport.user : "";
  const as =
    action.kind === "lmtp" ? undefined : await accountOf(action, action.user ?? user, setting);
  const values: FormatValues = {
    sender: setting.path.reversePath,
    rcpt: setting.path.forwardPath,
    dest: destination,
    username: user,
    directory: as?.kind === "found" ? as.home : "~",
    subAddressDelimiter: setting.config.subAddressDelimiter,
  };
  return { kind: "local", user, as, into: intoWhat(action, values) };
}

async function accountOf(
  action: LocalAction,
  name: string,
  setting: LocalSetting,
): Promise<ExplainedAccount> {
  const answer = await lookAccount(action, name, setting);
  switch (answer.kind) {
    case "found":
      return { kind: "found", name, uid: answer.value.uid, home: answer.value.home };
    case "absent":
      return { kind: "none", name, why: "no such user" };
    case "unavailable":
      return { kind: "none", name, why: answer.cause.message };
    default:
      return unreachable(answer);
  }
}

/** As whoever starts the delivery looks it up: in the userbase, unless all is delivered as one user. */
async function lookAccount(
  { user, userbase }: LocalAction,
  name: string,
  { config, ports }: LocalSetting,
): Promise<Lookup<Userinfo>> {
  if (userbase === undefined || user !== undefined) return ports.users.lookup(name);
  const { subAddressDelimiter: delimiter } = config;
  const answer = await compileTable(userbase, "userinfo", { delimiter })(name);
  if (answer.kind !== "found") return answer;
  const userinfo = parseUserinfo(answer.value);
  if (userinfo !== undefined) return found(userinfo);
  return { kind: "unavailable", cause: new Error(`<${userbase.name}> has no UID:GID:HOME for it`) };
}

function intoWhat(action: LocalAction, values: FormatValues): string {
  switch (action.kind) {
    case "maildir":
      return expanded(action.path, values, expandFormat);
    case "mda":
      return expanded(action.command, values, expandCommand);
    case "lmtp":
      return action.destination.kind === "endpoint"
        ? formatEndpoint(action.destination.endpoint)
        : expanded(action.destination.format, values, expandFormat);
    case "mbox":
    case "forward-only":
    case "expand-only":
      return "";
    default:
      return unreachable(action);
  }
}

function expanded(format: Format, values: FormatValues, expand: typeof expandFormat): string {
  const text = expand(format, values);
  return typeof text === "string" ? text : `${format.source} (${text.reason})`;
}

// Relay.

interface RelaySetting {
  readonly config: Config;
  readonly ports: WayPorts;
  /** Of the destination. */
  readonly domain: string;
}

/** Servers, as far as they are known. */
interface Route {
  readonly by: string;
  readonly hops: readonly ExplainedHop[];
  readonly problem: string;
}

async function relayWay(action: RelayAction, setting: RelaySetting): Promise<Way> {
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
    case "backup":
      return exchangersRoute(`MX of ${domain} before ${to.name}`, ports, domain);
    case "hosts":
      return { by: "hosts in turn", hops: await hostHops(to.hosts, ports), problem: "" };
    case "domain":
      return {
        by: `<${to.table.name}> by ${domain}`,
        hops: [],
        problem: "is looked up when the mail is sent",
      };
    default:
      return unreachable(to);
  }
}

async function exchangersRoute(by: string, ports: WayPorts, domain: string): Promise<Route> {
  if (ports.resolver === undefined) return { by, hops: [], problem: "DNS was not asked" };
  const resolver = new BoundedResolver(ports.resolver, ports.clock);
  const found = await exchangersOf({ resolver, random: ports.random }, domain);
  if (found.kind === "no-route")
    return { by, hops: [], problem: `${found.status} ${found.diagnostic}` };
  const hops = found.hops.slice(0, MAX_HOPS).map(async (hop): Promise<ExplainedHop> => {
    const { endpoint } = hop;
    const preference = endpoint.kind === "tcp" ? resolver.preferenceOf(endpoint.host) : undefined;
    return { ...(await explainedHop(hostOf(hop), hop, resolver)), preference };
  });
  return { by, hops: await Promise.all(hops), problem: "" };
}

async function hostHops(
  hosts: readonly RelayHost[],
  ports: WayPorts,
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
