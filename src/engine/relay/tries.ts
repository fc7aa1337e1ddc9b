/**
 * One transaction, tried with one server after the other until one begins on it.
 *
 * Promises: MAX_TRIES addresses at most. A route that is put aside or blocked is passed over. A
 * server that has only no room now is waited for when no other of its preference can be had, and
 * before any that is less preferred (route-check.ts). What the tries come to is in tried-so-far.ts.
 *
 * Source: OpenSMTPD mta.c (mta_find_route); RFC 5321 §5.1.
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Network } from "#base/ports/network.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { isIpv6 } from "#base/ip-address.ts";
import type { MtaLimits } from "#model/config/limits.ts";
import type { ClientPool } from "#engine/client/client-pool.ts";
import type { ClientRoute } from "#engine/client/client-route.ts";
import { CLIENT_TIMEOUTS } from "#engine/client/client-timeouts.ts";
import { type Ahead, ConnectionRace, type RaceEntry } from "#engine/client/connection-race.ts";
import type { Outcome } from "#engine/client/verdict-result.ts";
import { destinationPolicy } from "./destination-policy.ts";
import { addressesOf } from "./hop-addresses.ts";
import { type NextHop, type NextHops, type NoRoute, noRoute } from "./next-hops.ts";
import type { RelayParties } from "./parties.ts";
import type { RelayLimits } from "./relay-limits.ts";
import type { RelayMemory } from "./relay-memory.ts";
import type { RelayRecord } from "./relay-table.ts";
import { type Candidate, RouteCheck } from "./route-check.ts";
import { policyOf, type Routes, sourcesOf, type Way } from "./routes.ts";
import { SlowAddresses } from "./slow-addresses.ts";
import { unconnected } from "./tls-findings.ts";
import { outcomeWithoutRoute } from "./transaction-outcome.ts";
import { type RelayTransaction, sendOver } from "./transaction-sending.ts";
import { TriedSoFar } from "./tried-so-far.ts";

export interface TryingParts {
  readonly clock: Clock;
  readonly network: Network;
  readonly resolver: Resolver;
  readonly parties: RelayParties;
  readonly pool: ClientPool;
  readonly routes: Routes;
  readonly limits: RelayLimits;
  readonly memory: RelayMemory;
}

/** Addresses tried for one transaction in one attempt. */
export const MAX_TRIES = 8;

/** One address of a server. */
interface ServerAddress {
  readonly way: Way;
  readonly relay: RelayRecord;
  readonly endpoint: Endpoint;
}

export class Tries {
  readonly #parts: TryingParts;
  readonly #check: RouteCheck;
  readonly #slow: SlowAddresses;

  constructor(parts: TryingParts) {
    this.#parts = parts;
    this.#check = new RouteCheck(parts);
    this.#slow = new SlowAddresses(parts.clock);
  }

  /** One outcome for each recipient, or a single one for all of them. */
  async send(
    transaction: RelayTransaction,
    { hops, noAddress }: NextHops,
  ): Promise<readonly Outcome[]> {
    const soFar = new TriedSoFar();
    for (const [at, hop] of hops.entries()) {
      if (soFar.count >= MAX_TRIES) break;
      const outcomes = await this.#tryHop(transaction, hop, soFar);
      if (outcomes !== undefined) return outcomes;
      // RFC 5321 §5.1: exchangers behind ourselves would only send it back.
      if (soFar.isLoop) break;
      const next = hops[at + 1];
      if (next !== undefined && next.preference === hop.preference) continue;
      const late = await this.#waitInLine(transaction, soFar);
      if (late !== undefined) return late;
    }
    return [soFar.conclusion(this.#parts.clock) ?? outcomeWithoutRoute(noAddress)];
  }

  /** Undefined: none of its addresses began on it; why not is in what was tried so far. */
  async #tryHop(
    transaction: RelayTransaction,
    hop: NextHop,
    soFar: TriedSoFar,
  ): Promise<readonly Outcome[] | undefined> {
    const { resolver, parties, limits, memory } = this.#parts;
    const asked = policyOf(transaction.action, hop);
    if (asked.kind === "no-route") return soFar.passOver(asked);
    const addresses = await addressesOf(resolver, hop);
    if (addresses.kind === "absent") return undefined;
    if (addresses.kind === "no-route") return soFar.passOver(addresses);
    const { tls } = transaction.terms;
    const asking = { resolver, askSts: parties.askSts };
    const { policy, promised } = await destinationPolicy(asking, asked, { hop, addresses, tls });
    if (policy.kind === "no-route") {
      if (promised?.shortcoming !== undefined)
        parties.countTls?.(unconnected({ hop, promised }, promised.shortcoming));
      return soFar.passOver(policy);
    }
    const { family } = limits.of(hop.domain.toLowerCase()).limits;
    const endpoints = addresses.endpoints
      .filter((endpoint) => isOfFamily(endpoint, family))
      .slice(0, MAX_TRIES - soFar.count);
    if (endpoints.length === 0) return soFar.passOver(FAMILY_MISMATCH);
    const relay = memory.relays.enter(transaction.action, hop);
    const servers = this.#slow.behind(endpoints).map((endpoint, index) => {
      const isLast = index === endpoints.length - 1;
      return { way: { hop, policy, promised, isLast }, relay, endpoint };
    });
    try {
      return await this.#tryAddresses(transaction, servers, soFar);
    } finally {
      memory.relays.leave(relay);
    }
  }

  /** Those that others have outrun come again when none of the others will do. */
  async #tryAddresses(
    transaction: RelayTransaction,
    servers: readonly ServerAddress[],
    soFar: TriedSoFar,
  ): Promise<readonly Outcome[] | undefined> {
    const outrun: ServerAddress[] = [];
    const race = servers.length > 1 ? this.#race(transaction, servers) : undefined;
    try {
      for (const [index, server] of servers.entries()) {
        const at = race === undefined ? server : { ...server, race: race.entry(index) };
        const outcomes = await this.#tryEndpoint(transaction, at, soFar);
        if (outcomes === "outrun") {
          outrun.push(server);
          this.#slow.add(server.endpoint);
        } else if (outcomes !== undefined || soFar.isLoop) return outcomes;
      }
    } finally {
      race?.end();
    }
    for (const server of outrun) {
      if (soFar.count >= MAX_TRIES) return undefined;
      const outcomes = await this.#tryEndpoint(transaction, server, soFar);
      if (outcomes !== undefined && outcomes !== "outrun") return outcomes;
    }
    return undefined;
  }

  #race(transaction: RelayTransaction, servers: readonly ServerAddress[]): ConnectionRace {
    const contenders = servers.map((server) => ({
      endpoint: server.endpoint,
      ahead: () => this.#ahead(transaction, server),
    }));
    return new ConnectionRace(this.#parts, contenders);
  }

  /** How an address is tried before it is its turn; not at all where anything is in the way. */
  #ahead(transaction: RelayTransaction, server: ServerAddress): Ahead | "served" | undefined {
    const { parties, memory, pool } = this.#parts;
    const { way, endpoint } = server;
    if (way.hop.isFound && parties.isOurs(endpoint)) return undefined;
    const sources = sourcesOf(transaction.terms, endpoint);
    if (sources.length === 0) return undefined;
    const [source] = sources;
    const from = source ?? "";
    if (memory.blocks.has(from, way.hop.domain.toLowerCase())) return undefined;
    if (memory.putAside(from, endpoint) !== undefined) return undefined;
    const route = this.#routeFrom(source, transaction, server);
    const room = pool.reserve(route);
    if (room === undefined || room === "served") return room;
    return { room, sourceAddress: source, timeoutMs: route.connectMs ?? CLIENT_TIMEOUTS.connectMs };
  }

  async #tryEndpoint(
    transaction: RelayTransaction,
    at: ServerAddress & { readonly race?: RaceEntry },
    soFar: TriedSoFar,
  ): Promise<readonly Outcome[] | "outrun" | undefined> {
    const { way, relay, endpoint, race } = at;
    if (way.hop.isFound && this.#parts.parties.isOurs(endpoint)) return soFar.passOver(LOOP);
    const sources = sourcesOf(transaction.terms, endpoint);
    if (sources.length === 0) return soFar.passOver(FAMILY_MISMATCH);
    for (const source of sources) {
      const route = this.#routeFrom(source, transaction, at);
      if (!this.#isFree({ way, relay, route }, soFar)) continue;
      return this.#send(transaction, race === undefined ? route : { ...route, race }, soFar);
    }
    return undefined;
  }

  #routeFrom(
    source: string | undefined,
    { action }: RelayTransaction,
    { way, relay, endpoint }: ServerAddress,
  ): ClientRoute {
    const limits = this.#parts.limits.of(way.hop.domain.toLowerCase());
    return this.#parts.routes.routeTo(action, way, endpoint, {
      source,
      relay: relay.key,
      limits,
    });
  }

  /** Why not is in what was tried so far. */
  #isFree(candidate: Candidate, soFar: TriedSoFar): boolean {
    const barrier = this.#check.barrier(candidate);
    if (barrier !== undefined) soFar.stopped(candidate, barrier);
    return barrier === undefined;
  }

  /** Who has no room now is better than who is less preferred. */
  async #waitInLine(
    transaction: RelayTransaction,
    soFar: TriedSoFar,
  ): Promise<readonly Outcome[] | undefined> {
    const inLine = soFar.takeInLine();
    if (inLine === undefined || soFar.count >= MAX_TRIES) return undefined;
    const { relays } = this.#parts.memory;
    const relay = relays.enter(transaction.action, inLine.way.hop);
    try {
      const outcomes = await this.#send(transaction, inLine.route, soFar);
      return outcomes === "outrun" ? undefined : outcomes;
    } finally {
      relays.leave(relay);
    }
  }

  /** Undefined: the server did not begin on it; "outrun": another of its addresses may. */
  async #send(
    transaction: RelayTransaction,
    route: ClientRoute,
    soFar: TriedSoFar,
  ): Promise<readonly Outcome[] | "outrun" | undefined> {
    const sent = await sendOver(this.#parts, transaction, route);
    if (sent.kind === "outrun") return "outrun";
    if (sent.kind === "answered") return sent.outcomes;
    soFar.add(sent.outcome);
    return undefined;
  }
}

const LOOP: NoRoute = noRoute("loop", "5.4.6", "Mail for this host loops back to us");
export const FAMILY_MISMATCH: NoRoute = noRoute(
  "deferred",
  "4.4.4",
  "Address family mismatch on destination MXs",
);

function isOfFamily(endpoint: Endpoint, family: MtaLimits["family"]): boolean {
  if (family === "any" || endpoint.kind === "unix") return true;
  return isIpv6(endpoint.host) === (family === "inet6");
}
