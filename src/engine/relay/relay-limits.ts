/**
 * The limits of `mta limit` that are about connections, as the client's pool takes them.
 *
 * Source: smtpd.conf(5); OpenSMTPD limit.c, mta.c. Those about attempts and about what is at hand are
 * the queue's (engine/scheduler/limits.ts).
 */
import { defaultLimits, MTA_LIMITS, type MtaLimits } from "#model/config/limits.ts";
import type { LimitFlag } from "#model/relay-report.ts";
import type { SessionLimits } from "#engine/client/client-route.ts";
import type { Cap, CapWords } from "#engine/client/connection-limits.ts";

/** A `Config` has them. */
export interface ConfiguredLimits {
  readonly mtaLimits: MtaLimits;
  /** By domain, in lower case. */
  readonly mtaDomainLimits: ReadonlyMap<string, MtaLimits>;
}

/** Those of one domain. */
export interface DomainLimits {
  readonly limits: MtaLimits;
  readonly session: SessionLimits;
}

/** From where to where a connection goes, and for whom. */
export interface CountedFor {
  /** A remote address, or the path of a socket. */
  readonly address: string;
  /** "": any address of this machine. */
  readonly source: string;
  /** An action and a domain or host, as one word. */
  readonly relay: string;
  readonly domain: string;
}

/** Connections of relaying, whatever they are for. */
export const MAX_CONNECTIONS = 1000;

export const DEFAULT_LIMITS: ConfiguredLimits = {
  mtaLimits: { ...defaultLimits(MTA_LIMITS, "none"), family: "any" },
  mtaDomainLimits: new Map(),
};

export class RelayLimits {
  readonly #usual: DomainLimits;
  readonly #byDomain: ReadonlyMap<string, DomainLimits>;

  constructor({ mtaLimits, mtaDomainLimits }: ConfiguredLimits) {
    this.#usual = domainLimits(mtaLimits);
    this.#byDomain = new Map(
      Array.from(mtaDomainLimits, ([domain, limits]) => [domain, domainLimits(limits)]),
    );
  }

  /** Of a domain in lower case. */
  of(domain: string): DomainLimits {
    if (this.#byDomain.size === 0) return this.#usual;
    return this.#byDomain.get(domain) ?? this.#usual;
  }
}

/** What a connection counts towards. */
export function capsOf(
  limits: MtaLimits,
  { address, source, relay, domain }: CountedFor,
): readonly Cap[] {
  return [
    cap("host", address, [limits.maxConnPerHost, limits.connDelayHostMs]),
    {
      key: routeCapKey(source, address),
      of: "part",
      max: limits.maxConnPerRoute,
      delayMs: limits.connDelayRouteMs,
      reconnectMs: limits.reconnDelayRouteMs,
      words: WORDS.route,
    },
    cap("source", source, [limits.maxConnPerSource, limits.connDelaySourceMs]),
    cap("connector", `${source} ${relay}`, [
      limits.maxConnPerConnector,
      limits.connDelayConnectorMs,
    ]),
    cap("relay", relay, [limits.maxConnPerRelay, limits.connDelayRelayMs]),
    cap("domain", domain, [limits.maxConnPerDomain, limits.connDelayDomainMs]),
    { key: "all", of: "common", max: MAX_CONNECTIONS, delayMs: 0, reconnectMs: 0, words: ALL },
  ];
}

/** Of the connections from one local to one remote address. */
export function routeCapKey(source: string, address: string): string {
  return `route ${source} ${address}`;
}

type CapName = "host" | "route" | "source" | "connector" | "relay" | "domain";

function cap(name: CapName, key: string, [max, delayMs]: readonly [number, number]): Cap {
  return {
    key: `${name} ${key}`,
    of: KINDS[name],
    max,
    delayMs,
    reconnectMs: 0,
    words: WORDS[name],
  };
}

/** A relay is who opens connections; from one address of ours they all do. */
const KINDS: Readonly<Record<CapName, Cap["of"]>> = {
  host: "part",
  route: "part",
  source: "common",
  connector: "part",
  relay: "own",
  domain: "part",
};

const words = (name: CapName, flag: LimitFlag): CapWords => ({
  max: `mta max-conn-per-${name}`,
  delay: `mta conn-delay-${name}`,
  reconnect: `mta reconn-delay-${name}`,
  flag,
});

const WORDS: Readonly<Record<CapName, CapWords>> = {
  host: words("host", "LIMIT_HOST"),
  route: words("route", "LIMIT_ROUTE"),
  source: words("source", "LIMIT_SOURCE"),
  connector: words("connector", "LIMIT_CONN"),
  relay: words("relay", "LIMIT_RELAY"),
  domain: words("domain", "LIMIT_DOMAIN"),
};

const ALL: CapWords = { max: "mta connections", delay: "", reconnect: "", flag: "LIMIT_ALL" };

function domainLimits(limits: MtaLimits): DomainLimits {
  const { sessionMailMax, sessionKeepaliveMs, sessionTransactionDelayMs } = limits;
  return {
    limits,
    session: {
      maxMails: sessionMailMax,
      keepAliveMs: sessionKeepaliveMs,
      pauseMs: sessionTransactionDelayMs,
      maxRefusals: limits.maxFailuresPerSession || Infinity,
    },
  };
}
