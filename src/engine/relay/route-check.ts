/**
 * Whether a route can be used now: nobody has blocked it, it is not put aside for its failures,
 * and no limit keeps a connection of it from being opened. What stands in the way is a flag of
 * its connector, which `smtpctl show relays` shows.
 *
 * Source: OpenSMTPD mta.c (mta_find_route, mta_connect), whose words and flags these are.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { ConnectorFlag } from "#model/relay-report.ts";
import type { ClientPool } from "#engine/client/client-pool.ts";
import type { ClientRoute } from "#engine/client/client-route.ts";
import type { Obstacle } from "#engine/client/connection-limits.ts";
import type { PutAside, RelayMemory } from "./relay-memory.ts";
import { connectorOf, type RelayRecord } from "./relay-table.ts";
import type { Way } from "./routes.ts";
import { remoteOf } from "./transaction-outcome.ts";

/** A route to one address of a server, and the relay that would use it. */
export interface Candidate {
  readonly way: Way;
  readonly relay: RelayRecord;
  readonly route: ClientRoute;
}

/** What keeps a message from going anywhere, until a time. */
export interface Hold {
  readonly limit: string;
  /** Monotonic. */
  readonly untilMs: number;
  readonly status: string;
  readonly diagnostic: string;
}

/** "no-room": there will be some soon, so that a message may wait for it in line. */
export type Barrier =
  | { readonly kind: "blocked" }
  | { readonly kind: "no-room" }
  | { readonly kind: "held"; readonly hold: Hold };

export interface CheckParts {
  readonly clock: Clock;
  readonly pool: Pick<ClientPool, "obstacle" | "serves">;
  readonly memory: RelayMemory;
}

/** A pause that ends later is not waited for with the message in hand. */
const MAX_PAUSE_MS = 30_000;

export class RouteCheck {
  readonly #parts: CheckParts;

  constructor(parts: CheckParts) {
    this.#parts = parts;
  }

  /** Undefined: a connection is there, or may be opened. */
  barrier({ way, relay, route }: Candidate): Barrier | undefined {
    const { clock, memory, pool } = this.#parts;
    const source = route.sourceAddress ?? "";
    if (memory.blocks.has(source, way.hop.domain.toLowerCase())) {
      this.#flag(relay, source, { flag: "ERROR_BLOCKED", untilMs: Infinity });
      return { kind: "blocked" };
    }
    const aside = memory.putAside(source, route.endpoint);
    if (aside !== undefined) {
      const { untilMs, fault } = aside;
      this.#flag(relay, source, { flag: FAULT_FLAGS[fault], untilMs });
      return { kind: "held", hold: holdOfRoute(aside, route) };
    }
    const obstacle = pool.obstacle(route);
    if (obstacle === undefined) return undefined;
    const untilMs = obstacle.kind === "full" ? Infinity : obstacle.untilMs;
    this.#flag(relay, source, { flag: obstacle.flag, untilMs });
    const isLong = obstacle.kind === "too-soon" && untilMs - clock.monotonicMs() > MAX_PAUSE_MS;
    return isLong && !pool.serves(route.key)
      ? { kind: "held", hold: holdOfPause(obstacle) }
      : { kind: "no-room" };
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

/** The limit that a route which is put aside is held by. */
export const DISABLED_ROUTE = "mta disabled route";

const FAULT_FLAGS = { network: "ERROR_ROUTE_NET", smtp: "ERROR_ROUTE_SMTP" } as const;
const FAULT_WORDS = {
  network: "Network error on destination MXs",
  smtp: "Destination seem to reject all mails",
} as const;

/** In OpenSMTPD's words, and those of the failure. */
function holdOfRoute({ untilMs, fault, lastFailure }: PutAside, route: ClientRoute): Hold {
  const diagnostic = `${FAULT_WORDS[fault]}: ${remoteOf(route)}: ${lastFailure.reason}`;
  return { limit: DISABLED_ROUTE, untilMs, status: "4.4.1", diagnostic };
}

function holdOfPause({ limit, untilMs }: Obstacle & { readonly kind: "too-soon" }): Hold {
  const diagnostic = `No connection may be opened yet: ${limit}`;
  return { limit, untilMs, status: "4.3.0", diagnostic };
}
