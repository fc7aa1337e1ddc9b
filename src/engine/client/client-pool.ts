/**
 * Connections to servers, kept and used again, by route.
 *
 * Promises: none is opened that a cap of its route forbids (connection-limits.ts); who finds none
 * waits in line, MAX_WAITERS at most, and is told "busy" beyond that. The first one to a
 * server is alone until it is ready for mail; what a server refuses while others stand goes over
 * those. An idle connection is closed when its time is over, or others want its room. A
 * message that a kept connection failed to begin is tried once more on another, which is
 * never done after the server answered anything of it: no duplicates.
 *
 * Source: OpenSMTPD mta_session.c, mta.c.
 */
import type { ClientCredentials } from "#protocols/sasl/client-exchange.ts";
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import { AttemptProgress } from "#model/attempt-progress.ts";
import type { AttemptConnection, AttemptTls, MessageText } from "#model/delivery.ts";
import type { ClientRoute } from "./client-route.ts";
import type { SendOutcome } from "./client-settings.ts";
import type { ConnectionLimits, Obstacle, Room } from "./connection-limits.ts";
import { failed, faultOf, noCredentials, otherwiseSecured, SHUTTING_DOWN } from "./no-lease.ts";
import { type OpeningPorts, openPooled } from "./open-pooled.ts";
import {
  endOf,
  type Kept,
  type Lease,
  leaveLine,
  mayOpen,
  newRoute,
  type NoLease,
  part,
  type RouteState,
  type Turn,
} from "./route-state.ts";

export interface PoolPorts extends OpeningPorts {
  /** Pools that have them in common keep to them together. */
  readonly limits: ConnectionLimits;
}

/** How many may wait for a connection of one route. */
const MAX_WAITERS = 10_000;
/** How often a message moves to another connection because a kept one turned out dead. */
const MAX_STALE_CONNECTIONS = 2;
/** A server that refused one more connection is not asked for more for so long, while others stand. */
const CAUTION_MS = 60_000;
/** Messages of one connection of which none was taken. Source: OpenSMTPD MAX_TRYBEFOREDISABLE. */
const MAX_VAIN_MESSAGES = 10;

/** The connection over which it was sent, if there was one, and how that was secured, if it was. */
export type PoolOutcome = SendOutcome & {
  readonly over?: AttemptConnection;
  readonly tls?: AttemptTls;
};

/** Where a connection belongs. */
interface Place {
  readonly state: RouteState;
  readonly room: Room;
  /** Of the message for which it is opened. */
  readonly progress: AttemptProgress;
}

/** A connection that is made. */
interface Begun extends Place {
  readonly credentials: ClientCredentials | undefined;
}

export class ClientPool {
  readonly #ports: PoolPorts;
  readonly #routes = new Map<string, RouteState>();
  #isClosed = false;
  #sweepAtMs = Infinity;
  #cancelSweep: () => void = () => undefined;

  constructor(ports: PoolPorts) {
    this.#ports = ports;
  }

  /**
   * Sends one message over a connection of `route`, opening one if none is free.
   * "not-started" means that the server took nothing of it.
   */
  async send(
    route: ClientRoute,
    mail: ClientMail,
    text: MessageText,
    progress: AttemptProgress = new AttemptProgress(),
  ): Promise<PoolOutcome> {
    const outcome = await this.#send(route, mail, text, progress);
    // What cannot go in chunks to a server that offers them goes as to any other.
    if (faultOf(outcome) !== "chunks") return outcome;
    return this.#send(route, { ...mail, chunks: "never" }, text, progress);
  }

  async #send(
    route: ClientRoute,
    mail: ClientMail,
    text: MessageText,
    progress: AttemptProgress,
  ): Promise<PoolOutcome> {
    for (let stale = 0; ; stale++) {
      const lease = await this.#acquire(route, progress);
      if (lease.kind === "failed") return { kind: "not-started", verdict: lease.verdict };
      progress.at = lease.kept.staged;
      const outcome = await lease.kept.client.send(mail, text);
      const isStale = outcome.kind === "not-started" && lease.isReused;
      // What killed one kept connection has most often killed them all.
      if (isStale) this.#dropIdle(route.key);
      this.#release(lease.kept);
      if (isStale && stale < MAX_STALE_CONNECTIONS) continue;
      const { over, tls } = lease.kept;
      return tls === undefined ? { ...outcome, over } : { ...outcome, over, tls };
    }
  }

  /** What would keep a message waiting now; undefined: nothing of ours. */
  obstacle(route: ClientRoute): Obstacle | undefined {
    const state = this.#routes.get(route.key);
    if (state !== undefined && state.idle.length > 0) return undefined;
    return state?.line?.obstacle ?? this.#ports.limits.obstacle(route.caps());
  }

  /**
   * Room for a connection that is made ahead of its turn, which the route's race gives back;
   * "served": there are connections; undefined: there is no room now, or one is being opened.
   */
  reserve(route: ClientRoute): Room | "served" | undefined {
    const state = this.#routes.get(route.key);
    if (state !== undefined && state.ready > 0) return "served";
    if (state !== undefined && state.open > 0) return undefined;
    const { limits } = this.#ports;
    const caps = route.caps();
    return limits.obstacle(caps) === undefined ? limits.enter(caps) : undefined;
  }

  /** A connection of the route stands, and will be free. */
  serves(key: string): boolean {
    return (this.#routes.get(key)?.ready ?? 0) > 0;
  }

  /** Says QUIT on idle connections and drops the busy ones' places; resolves when the idle ones are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelSweep();
    const quits: Promise<void>[] = [];
    for (const [key, state] of this.#routes) {
      quits.push(...state.idle.splice(0).map(({ client }) => client.quit()));
      if (state.open === 0) this.#shareFailure(key, SHUTTING_DOWN);
    }
    await Promise.all(quits);
  }

  async #acquire(route: ClientRoute, progress: AttemptProgress): Promise<Lease> {
    const state = this.#stateOf(route.key);
    const kept = state.idle.pop();
    if (kept !== undefined) {
      kept.room.serve();
      return { kind: "lease", kept, isReused: true };
    }
    if (this.#isClosed) return this.#shareFailure(route.key, SHUTTING_DOWN);
    const ahead = route.race?.takeRoom();
    if (ahead !== undefined) {
      state.open++;
      return this.#openConnection(route, { state, room: ahead, progress });
    }
    if (state.waiters.length >= MAX_WAITERS) return failed("Too many messages wait for this route");
    if (state.waiters.length > 0 || !mayOpen(state, this.#ports.clock.monotonicMs()))
      return this.#wait(route, state, progress);
    const { limits } = this.#ports;
    const caps = route.caps();
    if (limits.obstacle(caps) !== undefined) return this.#wait(route, state, progress);
    state.open++;
    return this.#openConnection(route, { state, room: limits.enter(caps), progress });
  }

  async #wait(route: ClientRoute, state: RouteState, progress: AttemptProgress): Promise<Lease> {
    progress.at = { stage: "connection", remote: route.host };
    const turn = await new Promise<Turn>((resolve) => {
      state.waiters.push({ route, resolve });
      // Who stands in line is called.
      if (state.line === undefined) this.#serve(state);
    });
    if (turn.kind !== "open") return turn;
    return this.#openConnection(route, { state, room: turn.room, progress });
  }

  /** Lets those who wait open connections, as many as there may be. */
  #serve(state: RouteState): void {
    const { limits } = this.#ports;
    for (;;) {
      const [next] = state.waiters;
      if (next === undefined || !mayOpen(state, this.#ports.clock.monotonicMs())) break;
      const caps = next.route.caps();
      const obstacle = limits.obstacle(caps);
      if (obstacle !== undefined) {
        const called = (): void => {
          state.line = undefined;
          this.#serve(state);
        };
        state.line ??= { obstacle, leave: limits.lineUp(obstacle, called) };
        return;
      }
      state.open++;
      state.waiters.shift();
      next.resolve({ kind: "open", room: limits.enter(caps) });
    }
    leaveLine(state);
  }

  async #openConnection(route: ClientRoute, place: Place): Promise<Lease> {
    if (this.#isClosed) return this.#giveUp(route, place, SHUTTING_DOWN);
    const credentials = route.credentials && (await route.credentials());
    return typeof credentials === "string"
      ? this.#giveUp(route, place, noCredentials(credentials))
      : this.#connect(route, { ...place, credentials });
  }

  #giveUp(route: ClientRoute, { state, room }: Place, failure: NoLease): NoLease {
    state.open--;
    room.leave();
    return this.#shareFailure(route.key, failure);
  }

  async #connect(
    route: ClientRoute,
    { state, room, progress, credentials }: Begun,
  ): Promise<Lease> {
    const { limits, watch } = this.#ports;
    const opening = { isGone: false, isDecided: false };
    let kept: Kept | undefined;
    const leave = (): void => {
      room.leave();
      this.#serve(state);
      this.#forget(route.key, state);
    };
    const result = await openPooled(this.#ports, route, {
      credentials,
      progress,
      closed: () => {
        opening.isGone = true;
        if (kept !== undefined) part(kept);
        // Its room is kept until it is known whether the same try needs it again.
        if (opening.isDecided) leave();
      },
    });
    opening.isDecided = true;
    if (result.kind === "open") {
      const { client, staged, over, tls } = result;
      kept = { client, staged, route, state, room, over, tls, idleSinceMs: 0, isParted: false };
      state.ready++;
      if (opening.isGone) {
        part(kept);
        leave();
      }
      this.#serve(state);
      return { kind: "lease", kept, isReused: false };
    }
    const again = otherwiseSecured(route, result);
    if (again !== undefined) {
      // It is the same try: no pause comes between.
      const sameOrMore = opening.isGone ? room : limits.enter(route.caps());
      return this.#openConnection(again, { state, room: sameOrMore, progress });
    }
    if (opening.isGone) leave();
    // Who was outrun has shown nothing of itself.
    if (faultOf(result) !== "outrun") watch.failed(route, result.verdict);
    state.open--;
    if (state.ready === 0) return this.#shareFailure(route.key, result);
    state.cautiousUntilMs = this.#ports.clock.monotonicMs() + CAUTION_MS;
    return this.#acquire(route, progress);
  }

  /** Where no connection is left that could serve them, the waiters share what was found out. */
  #shareFailure(key: string, failure: NoLease): NoLease {
    const state = this.#stateOf(key);
    if (state.open === 0) {
      for (const { resolve } of state.waiters.splice(0)) resolve(failure);
      this.#serve(state);
    }
    this.#forget(key, state);
    return failure;
  }

  #release(kept: Kept): void {
    const { client, route } = kept;
    const { maxMails, maxRefusals, pauseMs } = route.session;
    if (!client.isReady) return;
    const isVain = client.takenMessages === 0 && client.sentMessages >= MAX_VAIN_MESSAGES;
    if (isVain) this.#ports.observe({ kind: "mta-rejects-all", session: kept.over.session });
    const isSpent = client.sentMessages >= maxMails || client.refusedInRow >= maxRefusals;
    if (this.#isClosed || isVain || isSpent) this.#quit(kept);
    else if (pauseMs > 0) this.#ports.clock.after(pauseMs, () => this.#offer(kept));
    else this.#offer(kept);
  }

  /** To who waits, or else to who may come. */
  #offer(kept: Kept): void {
    const { client, route, state, room } = kept;
    if (!client.isReady) return;
    const waiter = state.waiters.shift();
    // Who stands in line for nobody would have others give their room up.
    if (state.waiters.length === 0) leaveLine(state);
    if (waiter !== undefined) return waiter.resolve({ kind: "lease", kept, isReused: true });
    const { keepAliveMs } = route.session;
    if (this.#isClosed || keepAliveMs === 0 || room.isWanted) return this.#quit(kept);
    kept.idleSinceMs = this.#ports.clock.monotonicMs();
    state.idle.push(kept);
    room.rest(() => this.#quit(kept));
    this.#sweepAt(kept.idleSinceMs + keepAliveMs);
  }

  /** Its room is not free before the server has gone. */
  #quit(kept: Kept): void {
    part(kept);
    void kept.client.quit();
    this.#serve(kept.state);
  }

  #dropIdle(key: string): void {
    for (const kept of this.#stateOf(key).idle.splice(0)) this.#quit(kept);
  }

  #sweepAt(atMs: number): void {
    if (this.#sweepAtMs <= atMs) return;
    this.#cancelSweep();
    this.#sweepAtMs = atMs;
    const delayMs = atMs - this.#ports.clock.monotonicMs();
    this.#cancelSweep = this.#ports.clock.after(delayMs, () => this.#sweep());
  }

  /** Ends what was idle for too long; each route's list is in order of time. */
  #sweep(): void {
    this.#sweepAtMs = Infinity;
    const nowMs = this.#ports.clock.monotonicMs();
    let nextMs = Infinity;
    for (const { idle } of this.#routes.values()) {
      while (idle[0] !== undefined && endOf(idle[0]) <= nowMs) this.#quit(idle[0]);
      if (idle[0] !== undefined) nextMs = Math.min(nextMs, endOf(idle[0]));
    }
    if (nextMs < Infinity) this.#sweepAt(nextMs);
  }

  #stateOf(key: string): RouteState {
    let state = this.#routes.get(key);
    if (state === undefined) {
      state = newRoute();
      this.#routes.set(key, state);
    }
    return state;
  }

  #forget(key: string, state: RouteState): void {
    if (state.open > 0 || state.waiters.length > 0) return;
    if (this.#routes.get(key) === state) this.#routes.delete(key);
  }
}
