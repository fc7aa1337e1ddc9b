/**
 * One transaction, tried with one server after the other until one begins on it.
 *
 * Promises: MAX_TRIES addresses at most. A route that is put aside or blocked is passed over. A
 * server that has only no room now is waited for when no other of its level can be had, and
 * before any that is less preferred. Where nothing could be tried, it is said until when.
 *
 * Source: OpenSMTPD mta.c (mta_find_route); RFC 5321 §5.1.
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Network } from "#base/ports/network.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { isIpv6 } from "#base/ip-address.ts";
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import { SERVICE_CLOSING } from "#protocols/smtp/client-session-state.ts";
import type { RelayAction } from "#model/config/action.ts";
import type { MtaLimits } from "#model/config/limits.ts";
import type { AttemptProgress } from "#model/attempt-progress.ts";
import type { MessageText } from "#model/delivery.ts";
import type { ConnectorFlag } from "#model/relay-report.ts";
import type { ClientPool, PoolOutcome } from "#engine/client/client-pool.ts";
import type { ClientRoute } from "#engine/client/client-route.ts";
import { CLIENT_TIMEOUTS } from "#engine/client/client-timeouts.ts";
import type { Obstacle } from "#engine/client/connection-limits.ts";
import { type Ahead, ConnectionRace, type RaceEntry } from "#engine/client/connection-race.ts";
import { faultOf } from "#engine/client/no-lease.ts";
import { type Outcome, outcomeOf } from "#engine/client/verdict-result.ts";
import { isAscii } from "./ascii-text.ts";
import { destinationPolicy } from "./destination-policy.ts";
import { addressesOf } from "./hop-addresses.ts";
import { type NextHop, type NextHops, type NoRoute, noRoute } from "./next-hops.ts";
import { keepsTime, lacks8bit, withoutEightBit } from "./outgoing-mail.ts";
import type { RelayParties } from "./parties.ts";
import type { RelayLimits } from "./relay-limits.ts";
import type { PutAside, RelayMemory } from "./relay-memory.ts";
import { connectorOf, type RelayRecord } from "./relay-table.ts";
import { addressOf, type Passage, policyOf, type Routes, sourcesOf, type Way } from "./routes.ts";
import { unconnected } from "./tls-findings.ts";
import { SlowAddresses } from "./slow-addresses.ts";
import {
  handedOn,
  inTime,
  isNotReached,
  ofNoneReached,
  outcomeWhenNotStarted,
  outcomeWithoutRoute,
  overTls,
  remoteOf,
} from "./transaction-outcome.ts";

/** One transaction, wherever it will go. */
export interface Errand {
  readonly action: RelayAction;
  readonly passage: Passage;
  readonly mail: ClientMail;
  readonly text: MessageText;
  readonly progress: AttemptProgress | undefined;
}

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
/** A pause that ends later is not waited for with the message in hand. */
const MAX_PAUSE_MS = 30_000;

/** What keeps a message from going anywhere, until a time. */
interface Hold {
  readonly limit: string;
  /** Monotonic. */
  readonly untilMs: number;
  readonly status: string;
  readonly diagnostic: string;
}

/** A way with one address of it, and the relay that would use it. */
interface Candidate {
  readonly way: Way;
  readonly relay: RelayRecord;
  readonly route: ClientRoute;
}

/** One address of a server. */
interface Stop {
  readonly way: Way;
  readonly relay: RelayRecord;
  readonly endpoint: Endpoint;
}

/** How far one transaction has come. */
interface Course {
  readonly tried: Outcome[];
  /** The first of this level that has no room now. */
  inLine: Candidate | undefined;
  /** Of what was passed over, the one that can be used first. */
  hold: Hold | undefined;
  isBlocked: boolean;
}

export class Tries {
  readonly #parts: TryingParts;
  readonly #slow: SlowAddresses;

  constructor(parts: TryingParts) {
    this.#parts = parts;
    this.#slow = new SlowAddresses(parts.clock);
  }

  /** One outcome for each recipient, or a single one for all of them. */
  async send(errand: Errand, { hops, noAddress }: NextHops): Promise<readonly Outcome[]> {
    const course: Course = { tried: [], inLine: undefined, hold: undefined, isBlocked: false };
    for (const [at, hop] of hops.entries()) {
      if (course.tried.length >= MAX_TRIES) break;
      const outcomes = await this.#tryHop(errand, hop, course);
      if (outcomes !== undefined) return outcomes;
      // RFC 5321 §5.1: exchangers behind ourselves would only send it back.
      if (isLoop(course)) break;
      if (hops[at + 1]?.level === hop.level) continue;
      const late = await this.#waitInLine(errand, course);
      if (late !== undefined) return late;
    }
    return [this.#conclusion(course) ?? outcomeWithoutRoute(noAddress)];
  }

  /** Undefined: none of its addresses began on it; why not is in the course. */
  async #tryHop(
    errand: Errand,
    hop: NextHop,
    course: Course,
  ): Promise<readonly Outcome[] | undefined> {
    const { resolver, parties, limits, memory } = this.#parts;
    const asked = policyOf(errand.action, hop);
    if (asked.kind === "no-route") return passOver(course, asked);
    const addresses = await addressesOf(resolver, hop);
    if (addresses.kind === "absent") return undefined;
    if (addresses.kind === "no-route") return passOver(course, addresses);
    const { tls } = errand.passage;
    const asking = { resolver, askSts: parties.askSts };
    const { policy, promised } = await destinationPolicy(asking, asked, { hop, addresses, tls });
    if (policy.kind === "no-route") {
      if (promised?.shortcoming !== undefined)
        parties.countTls?.(unconnected({ hop, promised }, promised.shortcoming));
      return passOver(course, policy);
    }
    const { family } = limits.of(hop.domain.toLowerCase()).limits;
    const endpoints = addresses.endpoints
      .filter((endpoint) => isOfFamily(endpoint, family))
      .slice(0, MAX_TRIES - course.tried.length);
    if (endpoints.length === 0) return passOver(course, FAMILY_MISMATCH);
    const relay = memory.relays.enter(errand.action, hop);
    const stops = this.#slow.behind(endpoints).map((endpoint, index) => {
      const isLast = index === endpoints.length - 1;
      return { way: { hop, policy, promised, isLast }, relay, endpoint };
    });
    try {
      return await this.#tryStops(errand, stops, course);
    } finally {
      memory.relays.leave(relay);
    }
  }

  /** Those that others have outrun come again when none of the others will do. */
  async #tryStops(
    errand: Errand,
    stops: readonly Stop[],
    course: Course,
  ): Promise<readonly Outcome[] | undefined> {
    const outrun: Stop[] = [];
    const race = stops.length > 1 ? this.#race(errand, stops) : undefined;
    try {
      for (const [index, stop] of stops.entries()) {
        const at = race === undefined ? stop : { ...stop, race: race.entry(index) };
        const outcomes = await this.#tryEndpoint(errand, at, course);
        if (outcomes === "outrun") {
          outrun.push(stop);
          this.#slow.add(stop.endpoint);
        } else if (outcomes !== undefined || isLoop(course)) return outcomes;
      }
    } finally {
      race?.end();
    }
    for (const stop of outrun) {
      if (course.tried.length >= MAX_TRIES) return undefined;
      const outcomes = await this.#tryEndpoint(errand, stop, course);
      if (outcomes !== undefined && outcomes !== "outrun") return outcomes;
    }
    return undefined;
  }

  #race(errand: Errand, stops: readonly Stop[]): ConnectionRace {
    const contenders = stops.map((stop) => ({
      endpoint: stop.endpoint,
      ahead: () => this.#ahead(errand, stop),
    }));
    return new ConnectionRace(this.#parts, contenders);
  }

  /** How an address is tried before it is its turn; not at all where anything is in the way. */
  #ahead(errand: Errand, { way, relay, endpoint }: Stop): Ahead | "served" | undefined {
    const { parties, limits, routes, memory, pool } = this.#parts;
    if (way.hop.isFound && parties.isOurs(endpoint)) return undefined;
    const sources = sourcesOf(errand.passage, endpoint);
    if (sources.length === 0) return undefined;
    const [source] = sources;
    const domain = way.hop.domain.toLowerCase();
    const via = { source, relay: relay.key, limits: limits.of(domain) };
    const route = routes.routeTo(errand.action, way, endpoint, via);
    const from = source ?? "";
    if (memory.blocks.has(from, domain) || memory.putAside(from, addressOf(endpoint)))
      return undefined;
    const room = pool.reserve(route);
    if (room === undefined || room === "served") return room;
    return { room, sourceAddress: source, timeoutMs: route.connectMs ?? CLIENT_TIMEOUTS.connectMs };
  }

  async #tryEndpoint(
    errand: Errand,
    at: Stop & { readonly race?: RaceEntry },
    course: Course,
  ): Promise<readonly Outcome[] | "outrun" | undefined> {
    const { way, relay, endpoint, race } = at;
    if (way.hop.isFound && this.#parts.parties.isOurs(endpoint)) return passOver(course, LOOP);
    const sources = sourcesOf(errand.passage, endpoint);
    if (sources.length === 0) return passOver(course, FAMILY_MISMATCH);
    for (const source of sources) {
      const limits = this.#parts.limits.of(way.hop.domain.toLowerCase());
      const via = { source, relay: relay.key, limits };
      const route = this.#parts.routes.routeTo(errand.action, way, endpoint, via);
      if (!this.#isFree({ way, relay, route }, course)) continue;
      return this.#send(errand, race === undefined ? route : { ...route, race }, course);
    }
    return undefined;
  }

  /** Whether a connection of the route is there or may be opened; why not is in the course. */
  #isFree(candidate: Candidate, course: Course): boolean {
    const { clock, memory, pool } = this.#parts;
    const { way, relay, route } = candidate;
    const source = route.sourceAddress ?? "";
    if (memory.blocks.has(source, way.hop.domain.toLowerCase())) {
      course.isBlocked = true;
      this.#flag(relay, source, { flag: "ERROR_BLOCKED", untilMs: Infinity });
      return false;
    }
    const aside = memory.putAside(source, addressOf(route.endpoint));
    if (aside !== undefined) {
      const { untilMs, fault } = aside;
      this.#flag(relay, source, { flag: FAULT_FLAGS[fault], untilMs });
      hold(course, holdOfRoute(aside, route));
      return false;
    }
    const obstacle = pool.obstacle(route);
    if (obstacle === undefined) return true;
    const untilMs = obstacle.kind === "full" ? Infinity : obstacle.untilMs;
    this.#flag(relay, source, { flag: limitFlag(obstacle), untilMs });
    const isLong = obstacle.kind === "too-soon" && untilMs - clock.monotonicMs() > MAX_PAUSE_MS;
    if (isLong && !pool.serves(route.key)) hold(course, holdOfPause(obstacle));
    else course.inLine ??= candidate;
    return false;
  }

  /** Who has no room now is better than who is less preferred. */
  async #waitInLine(errand: Errand, course: Course): Promise<readonly Outcome[] | undefined> {
    const { inLine } = course;
    course.inLine = undefined;
    if (inLine === undefined || course.tried.length >= MAX_TRIES) return undefined;
    const { relays } = this.#parts.memory;
    const relay = relays.enter(errand.action, inLine.way.hop);
    try {
      const outcomes = await this.#send(errand, inLine.route, course);
      return outcomes === "outrun" ? undefined : outcomes;
    } finally {
      relays.leave(relay);
    }
  }

  /** Undefined: the server did not begin on it; "outrun": another of its addresses may. */
  async #send(
    { mail, text, progress }: Errand,
    route: ClientRoute,
    course: Course,
  ): Promise<readonly Outcome[] | "outrun" | undefined> {
    const { pool } = this.#parts;
    let sent = await pool.send(route, mail, text, progress);
    if (faultOf(sent) === "outrun") {
      if (route.race !== undefined) return "outrun";
      // It was another message's connection that was given up.
      sent = await pool.send(route, mail, text, progress);
    }
    // Clients say 8BITMIME of everything: what is in ASCII all the same needs nothing.
    if (lacks8bit(sent) && (await isAscii(text)))
      sent = await pool.send(route, withoutEightBit(mail), text, progress);
    this.#noteClosing(route, sent);
    const remote = remoteOf(route);
    const { tls } = sent;
    if (sent.kind === "not-started") {
      course.tried.push(overTls(outcomeWhenNotStarted(sent.verdict, remote), tls));
      return undefined;
    }
    const outcomes = sent.verdicts.map((verdict) => overTls(outcomeOf(verdict, remote), tls));
    const timed = keepsTime(mail, sent) ? outcomes.map(inTime) : outcomes;
    return sent.reports ? timed.map(handedOn) : timed;
  }

  /** RFC 5321 §3.8: after 421 the server closes, which is no fault of the connection's. */
  #noteClosing(route: ClientRoute, sent: PoolOutcome): void {
    const verdicts = sent.kind === "verdicts" ? sent.verdicts : [sent.verdict];
    const closing = verdicts.find(
      (verdict) => verdict.kind === "refused" && verdict.reply.code === SERVICE_CLOSING,
    );
    if (closing !== undefined) this.#parts.memory.closedBy(route, closing);
  }

  #conclusion({ tried, hold: held, isBlocked }: Course): Outcome | undefined {
    const answered = summary(tried);
    // Final only if nobody was passed over: who was may take it yet.
    if (answered?.outcome === "deferred") return answered;
    if (held !== undefined) {
      const { clock } = this.#parts;
      const { limit, status, diagnostic } = held;
      const untilMs = Math.round(clock.wallMs() + held.untilMs - clock.monotonicMs());
      const outcome = "deferred";
      return { outcome, status, diagnostic, remote: "", held: { limit, untilMs } };
    }
    return isBlocked ? outcomeWithoutRoute(BLOCKED) : answered;
  }

  #flag(
    relay: RelayRecord,
    source: string,
    { flag, untilMs }: { readonly flag: ConnectorFlag; readonly untilMs: number },
  ): void {
    const { clock } = this.#parts;
    const connector = connectorOf(relay, source);
    connector.flag = flag;
    connector.flagUntilMs =
      untilMs === Infinity ? 0 : Math.round(clock.wallMs() + untilMs - clock.monotonicMs());
  }
}

const LOOP: NoRoute = noRoute("loop", "5.4.6", "Mail for this host loops back to us");
const FAMILY_MISMATCH: NoRoute = noRoute(
  "deferred",
  "4.4.4",
  "Address family mismatch on destination MXs",
);
const BLOCKED: NoRoute = noRoute("deferred", "4.4.4", "All routes to destination blocked");

const FAULT_FLAGS = { network: "ERROR_ROUTE_NET", smtp: "ERROR_ROUTE_SMTP" } as const;
const FAULT_WORDS = {
  network: "Network error on destination MXs",
  smtp: "Destination seem to reject all mails",
} as const;

function passOver({ tried }: Course, why: NoRoute): undefined {
  tried.push(outcomeWithoutRoute(why));
}

function hold(course: Course, next: Hold): void {
  if (course.hold === undefined || next.untilMs < course.hold.untilMs) course.hold = next;
}

/** In OpenSMTPD's words, and those of the failure. */
function holdOfRoute({ untilMs, fault, lastFailure }: PutAside, route: ClientRoute): Hold {
  const diagnostic = `${FAULT_WORDS[fault]}: ${remoteOf(route)}: ${lastFailure.reason}`;
  return { limit: "mta disabled route", untilMs, status: "4.4.1", diagnostic };
}

function holdOfPause({ limit, untilMs }: Obstacle & { readonly kind: "too-soon" }): Hold {
  return {
    limit,
    untilMs,
    status: "4.3.0",
    diagnostic: `No connection may be opened yet: ${limit}`,
  };
}

function isLoop({ tried }: Course): boolean {
  return tried.at(-1)?.outcome === "loop";
}

function isOfFamily(endpoint: Endpoint, family: MtaLimits["family"]): boolean {
  if (family === "any" || endpoint.kind === "unix") return true;
  return isIpv6(endpoint.host) === (family === "inet6");
}

function limitFlag({ limit }: Obstacle): ConnectorFlag {
  if (limit.endsWith("host")) return "LIMIT_HOST";
  if (limit.endsWith("route")) return "LIMIT_ROUTE";
  if (limit.endsWith("connector")) return "LIMIT_CONN";
  if (limit.endsWith("relay")) return "LIMIT_RELAY";
  return limit.endsWith("domain") ? "LIMIT_DOMAIN" : "LIMIT_SOURCE";
}

/**
 * What several tries come to: final only if each of them was. Who answered tells more than who
 * was not there; of those that were not, each is told of.
 */
function summary(tried: readonly Outcome[]): Outcome | undefined {
  const deferred = tried.filter(({ outcome }) => outcome === "deferred");
  const answered = deferred.findLast((outcome) => !isNotReached(outcome));
  return answered ?? ofNoneReached(deferred) ?? tried.at(-1);
}
