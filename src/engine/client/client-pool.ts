/**
 * Connections to servers, kept and used again, by route.
 *
 * Promises: a route has at most `maxPerRoute` connections; who finds none free
 * waits in line, MAX_WAITERS at most, and is told "busy" beyond that. An idle
 * connection is closed after `keepAliveMs`, and when the pool has too many. A
 * message that a kept connection failed to begin is tried once more on another,
 * which is never done after the server answered anything of it: no duplicates.
 *
 * Source: OpenSMTPD's session-mail-max and session-keepalive (mta_session.c).
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Network } from "#base/ports/network.ts";
import type { Random } from "#base/ports/random.ts";
import type { ClientCredentials } from "#protocols/sasl/client-exchange.ts";
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import type { Dialect } from "#protocols/smtp/client-session-state.ts";
import {
  type ClientFault,
  formatVerdict,
  type Verdict,
} from "#protocols/smtp/client-session-verdict.ts";
import type { AttemptTls, MessageText } from "#model/delivery.ts";
import type { Observe } from "#model/events.ts";
import { randomSessionId } from "#model/ids.ts";
import type { ClientTimeouts } from "./client-timeouts.ts";
import type { ClientSecurity } from "./client-security.ts";
import type { HeloName, SendOutcome } from "./client-settings.ts";
import { tellTls } from "./tell-tls.ts";
import { openClient } from "./open-client.ts";
import type { SmtpClient } from "./smtp-client.ts";

/**
 * One way to a server. Routes of the same key share connections, so all else must follow from
 * the key, but for how long one is waited for.
 */
export interface ClientRoute {
  readonly key: string;
  readonly endpoint: Endpoint;
  readonly dialect: Dialect;
  readonly helo: HeloName;
  /** Left out: any address of this machine. */
  readonly sourceAddress?: string | undefined;
  /** How long it may take to connect, if less than for others. */
  readonly connectMs?: number | undefined;
  /** Left out: in the clear. */
  readonly security?: ClientSecurity | undefined;
  /** Left out: nobody authenticates. Asked at each connection; a string says why there are none. */
  readonly credentials?: (() => Promise<ClientCredentials | string>) | undefined;
  /** The name by which the server must not greet: it would be ourselves. */
  readonly ownName?: string | undefined;
  /** The server's name, for the log. */
  readonly host: string;
}

export interface PoolPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly observe: Observe;
}

export interface PoolSettings {
  readonly maxPerRoute: number;
  /** Over all routes. */
  readonly maxConnections: number;
  readonly maxMailsPerConnection: number;
  readonly keepAliveMs: number;
  readonly timeouts?: ClientTimeouts;
}

export const POOL_SETTINGS: PoolSettings = Object.freeze({
  maxPerRoute: 10, // OpenSMTPD's connections per host
  maxConnections: 1000,
  maxMailsPerConnection: 1000,
  keepAliveMs: 10_000,
});

/** How many may wait for a connection of one route. */
const MAX_WAITERS = 10_000;
/** How often a message moves to another connection because a kept one turned out dead. */
const MAX_STALE_CONNECTIONS = 2;

/** `tls`: how the connection was secured over which it was sent, if it was. */
export type PoolOutcome = SendOutcome & { readonly tls?: AttemptTls };

interface Kept {
  readonly client: SmtpClient;
  readonly route: ClientRoute;
  readonly tls: AttemptTls | undefined;
  idleSinceMs: number;
}

type Lease = { readonly kind: "lease"; readonly kept: Kept; readonly isReused: boolean } | NoLease;

interface NoLease {
  readonly kind: "failed";
  readonly verdict: Verdict;
}

/** What a waiter is told: a connection, that one may be opened now, or why there is none. */
type Turn = Lease | "open";

interface RouteState {
  /** Connections that are open or being opened. */
  open: number;
  readonly idle: Kept[];
  readonly waiters: ((turn: Turn) => void)[];
}

export class ClientPool {
  readonly #ports: PoolPorts;
  readonly #settings: PoolSettings;
  readonly #routes = new Map<string, RouteState>();
  #open = 0;
  #isClosed = false;
  #cancelSweep: (() => void) | undefined;

  constructor(ports: PoolPorts, settings: PoolSettings = POOL_SETTINGS) {
    this.#ports = ports;
    this.#settings = settings;
  }

  /**
   * Sends one message over a connection of `route`, opening one if none is free.
   * "not-started" means that the server took nothing of it.
   */
  async send(route: ClientRoute, mail: ClientMail, text: MessageText): Promise<PoolOutcome> {
    for (let stale = 0; ; stale++) {
      const lease = await this.#acquire(route);
      if (lease.kind === "failed") return { kind: "not-started", verdict: lease.verdict };
      const outcome = await lease.kept.client.send(mail, text);
      const isStale = outcome.kind === "not-started" && lease.isReused;
      // What killed one kept connection has most often killed them all.
      if (isStale) this.#dropIdle(route.key);
      this.#release(lease.kept);
      if (isStale && stale < MAX_STALE_CONNECTIONS) continue;
      const { tls } = lease.kept;
      return tls === undefined ? outcome : { ...outcome, tls };
    }
  }

  /** Says QUIT on idle connections and drops the busy ones' places; resolves when the idle ones are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelSweep?.();
    const idle = [...this.#routes.values()].flatMap((state) => state.idle.splice(0));
    await Promise.all(idle.map((kept) => kept.client.quit()));
  }

  async #acquire(route: ClientRoute): Promise<Lease> {
    const state = this.#stateOf(route.key);
    const kept = state.idle.pop();
    if (kept !== undefined) return { kind: "lease", kept, isReused: true };
    if (state.open < this.#settings.maxPerRoute) return this.#openConnection(route, state);
    if (state.waiters.length >= MAX_WAITERS) return failed("Too many messages wait for this route");
    const turn = await new Promise<Turn>((resolve) => state.waiters.push(resolve));
    return turn === "open" ? this.#openConnection(route, this.#stateOf(route.key)) : turn;
  }

  async #openConnection(route: ClientRoute, state: RouteState): Promise<Lease> {
    if (this.#isClosed) return this.#shareFailure(route.key, failed("Shutting down"));
    if (this.#open >= this.#settings.maxConnections && !this.#dropOldestIdle())
      return this.#shareFailure(route.key, failed("Too many connections are open"));
    const free = this.#takePlace(state);
    const credentials = await route.credentials?.();
    if (typeof credentials !== "string") return this.#connect(route, free, credentials);
    free();
    return this.#shareFailure(route.key, noCredentials(credentials));
  }

  /** @param free gives the place up that was taken for the connection. */
  async #connect(
    route: ClientRoute,
    free: () => void,
    credentials: ClientCredentials | undefined,
  ): Promise<Lease> {
    const { observe, random } = this.#ports;
    const { security } = route;
    const session = randomSessionId(random);
    const address = `${route.dialect}://${formatEndpoint(route.endpoint)}`;
    observe({ kind: "mta-connecting", session, address, host: route.host });
    let opened: SmtpClient | undefined;
    let tls: AttemptTls | undefined;
    const result = await openClient(this.#ports, route.endpoint, {
      dialect: route.dialect,
      helo: route.helo,
      ownName: route.ownName,
      sourceAddress: route.sourceAddress,
      connectMs: route.connectMs,
      security,
      credentials,
      secured: (facts, judgement) => {
        const { version, cipher } = facts;
        tls = { version, cipher, verified: judgement.kind === "proven" };
        tellTls({ observe, session, security }, facts, judgement);
      },
      ...(this.#settings.timeouts && { timeouts: this.#settings.timeouts }),
      closed: (fault) => {
        const messages = opened?.sentMessages ?? 0;
        observe({ kind: "mta-disconnected", session, reason: reasonOf(fault), messages });
        free();
        this.#gone(route, opened);
      },
    });
    if (result.kind === "failed") {
      observe({ kind: "mta-error", session, reason: formatVerdict(result.verdict) });
      free();
      // RFC 7435 §3: better in the clear than not at all, where nothing more was asked for.
      if (security?.policy.kind === "opportunistic" && isTlsFailure(result.verdict))
        return this.#openConnection({ ...route, security: undefined }, this.#stateOf(route.key));
      return this.#shareFailure(route.key, result);
    }
    opened = result.client;
    observe({ kind: "mta-connected", session });
    return {
      kind: "lease",
      kept: { client: result.client, route, tls, idleSinceMs: 0 },
      isReused: false,
    };
  }

  /** Counts a connection; the function returned frees its place, once. */
  #takePlace(state: RouteState): () => void {
    state.open++;
    this.#open++;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      state.open--;
      this.#open--;
    };
  }

  /** Where no connection is left that could serve them, the waiters share what was found out. */
  #shareFailure(key: string, failure: NoLease): NoLease {
    const state = this.#stateOf(key);
    if (state.open === 0) for (const waiter of state.waiters.splice(0)) waiter(failure);
    this.#forget(key, state);
    return failure;
  }

  #release(kept: Kept): void {
    const { client, route } = kept;
    if (!client.isReady) return;
    if (this.#isClosed || client.sentMessages >= this.#settings.maxMailsPerConnection) {
      void client.quit();
      return;
    }
    const state = this.#stateOf(route.key);
    const waiter = state.waiters.shift();
    if (waiter !== undefined) return waiter({ kind: "lease", kept, isReused: true });
    kept.idleSinceMs = this.#ports.clock.monotonicMs();
    state.idle.push(kept);
    this.#startSweep(this.#settings.keepAliveMs);
  }

  /** A connection that had served is gone: the next in line may open one. */
  #gone(route: ClientRoute, client: SmtpClient | undefined): void {
    if (client === undefined) return;
    const state = this.#stateOf(route.key);
    const at = state.idle.findIndex((kept) => kept.client === client);
    if (at >= 0) state.idle.splice(at, 1);
    state.waiters.shift()?.("open");
    this.#forget(route.key, state);
  }

  #dropIdle(key: string): void {
    for (const kept of this.#stateOf(key).idle.splice(0)) void kept.client.quit();
  }

  #dropOldestIdle(): boolean {
    let oldest: Kept | undefined;
    for (const { idle } of this.#routes.values()) {
      const first = idle[0];
      if (first && first.idleSinceMs < (oldest?.idleSinceMs ?? Number.POSITIVE_INFINITY))
        oldest = first;
    }
    if (oldest === undefined) return false;
    this.#stateOf(oldest.route.key).idle.shift();
    oldest.client.close();
    return true;
  }

  #startSweep(delayMs: number): void {
    this.#cancelSweep ??= this.#ports.clock.after(delayMs, () => this.#sweep());
  }

  /** Ends what was idle for too long; each route's list is in order of time. */
  #sweep(): void {
    this.#cancelSweep = undefined;
    const nowMs = this.#ports.clock.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { idle } of this.#routes.values()) {
      const isOld = (kept: Kept | undefined): boolean =>
        kept !== undefined && nowMs - kept.idleSinceMs >= this.#settings.keepAliveMs;
      while (isOld(idle[0])) void idle.shift()?.client.quit();
      nextMs = Math.min(nextMs, (idle[0]?.idleSinceMs ?? nextMs) + this.#settings.keepAliveMs);
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#startSweep(nextMs - nowMs);
  }

  #stateOf(key: string): RouteState {
    let state = this.#routes.get(key);
    if (state === undefined) {
      state = { open: 0, idle: [], waiters: [] };
      this.#routes.set(key, state);
    }
    return state;
  }

  #forget(key: string, state: RouteState): void {
    if (state.open === 0 && state.waiters.length === 0) this.#routes.delete(key);
  }
}

function failed(message: string): NoLease {
  return {
    kind: "failed",
    verdict: { kind: "undecided", stage: "CONNECT", fault: { kind: "busy", message } },
  };
}

/** The server was reached, and TLS with it did not come about. */
function isTlsFailure(verdict: Verdict): boolean {
  if (verdict.kind === "unsendable") return false;
  return verdict.stage === "STARTTLS" || verdict.stage === "TLS";
}

function noCredentials(why: string): NoLease {
  const fault = { kind: "auth", message: `Could not retrieve credentials: ${why}` } as const;
  return { kind: "failed", verdict: { kind: "undecided", stage: "AUTH", fault } };
}

function reasonOf(fault: ClientFault | undefined): string {
  return fault === undefined ? "quit" : fault.message;
}
