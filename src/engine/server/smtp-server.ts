/**
 * The SMTP server: every session of every listener.
 *
 * `admission.ts` says who is served and `turned-away.ts` lets the others go; `pause`
 * turns all new clients away and lets sessions go on.
 */
import { formatEndpoint, type Peer } from "#base/endpoint.ts";
import type { Connection } from "#base/ports/network.ts";
import type { Listener, ListenerProxy } from "#model/config/listener.ts";
import type { AdmissionLimit } from "#model/limit-name.ts";
import { Admission } from "./admission.ts";
import {
  DEFAULT_LIMITS,
  type SessionLimits,
  SHUTDOWN_WAIT_MS,
  MAX_PENDING_PROXIES,
} from "./limits.ts";
import { Pressure } from "./pressure.ts";
import { readProxied } from "./proxied-connection.ts";
import { ReverseNames } from "./reverse-names.ts";
import type { ServerParties, ServerPorts, ServerSettings, Service } from "./service.ts";
import { type LiveSession, serveSession } from "./session-driver.ts";
import { SeldomTold } from "./seldom-told.ts";
import { type SessionEnds, sessionEnds } from "./session-ends.ts";
import { SourceRates } from "./source-rates.ts";
import { TurnedAway } from "./turned-away.ts";

interface Visit {
  readonly remote: Peer;
  readonly listener: Listener;
}

export class SmtpServer {
  readonly #ports: ServerPorts;
  readonly #limits: SessionLimits;
  readonly #reverseNames: ReverseNames;
  readonly #userMessages: SourceRates;
  #settings: Required<ServerSettings>;
  #parties: ServerParties;
  #services = new WeakMap<Listener, Service>();
  readonly #sessions = new Set<LiveSession>();
  readonly #admission: Admission;
  readonly #pressure: Pressure;
  readonly #turnedAway: TurnedAway;
  /** Connections that no proxy of ours has made, or none with a header, by why that is known. */
  readonly #unproxied: SeldomTold<string>;
  /** Proxies that have not said for whom they connect. */
  readonly #pending = new Set<Connection>();
  #state: "open" | "paused" | "closing" = "open";
  #whenEmpty: (() => void) | undefined;

  constructor(ports: ServerPorts, settings: ServerSettings, parties: ServerParties) {
    this.#ports = ports;
    this.#limits = settings.limits ?? DEFAULT_LIMITS;
    this.#settings = complete(settings, this.#limits);
    this.#parties = parties;
    this.#admission = new Admission(this.#limits);
    this.#turnedAway = new TurnedAway(ports.clock, this.#limits.maxTurnedAway);
    this.#unproxied = new SeldomTold(ports.clock);
    this.#pressure = new Pressure(this.#limits.maxSessions, {
      clock: ports.clock,
      sessions: this.#sessions,
      told: (state, sessions) => this.#parties.observe({ kind: "smtp-stress", state, sessions }),
    });
    this.#reverseNames = new ReverseNames(ports.clock, ports.resolver);
    const { userMessagesPerSecond, userMessageBurst } = this.#limits;
    this.#userMessages = new SourceRates(userMessagesPerSecond, userMessageBurst);
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Serves a connection that came in at `listener`. */
  accept(connection: Connection, listener: Listener): void {
    const { proxy } = listener;
    const { askTable } = this.#parties;
    if (proxy !== undefined) {
      void this.#acceptProxied(connection, listener, proxy);
      return;
    }
    const ends = sessionEnds(connection, connection.remote, listener, askTable);
    if (ends instanceof Promise) void this.#admitLater(connection, listener, ends);
    else this.#admit(connection, listener, ends);
  }

  /** The limits are those of the client, whom the proxy names. */
  async #acceptProxied(
    connection: Connection,
    listener: Listener,
    proxy: ListenerProxy,
  ): Promise<void> {
    const { askTable: ask, observe } = this.#parties;
    if (this.#pending.size >= MAX_PENDING_PROXIES) {
      this.#turnAway(connection, "pending-proxies", { remote: connection.remote, listener });
      return;
    }
    this.#pending.add(connection);
    const proxied = await readProxied(connection, proxy, { clock: this.#ports.clock, ask });
    this.#pending.delete(connection);
    if (proxied.kind === "refused") {
      const { why } = proxied;
      this.#unproxied.add(why, formatEndpoint(connection.remote), (peer, count) => {
        const others = count === 1 ? "" : ` and ${count - 1} others`;
        observe({ kind: "notice", text: `Connection of ${peer}${others} dropped: ${why}` });
      });
      return;
    }
    const ends = sessionEnds(proxied.ends, connection.remote, listener, ask);
    this.#admit(connection, listener, await ends);
  }

  async #admitLater(
    connection: Connection,
    listener: Listener,
    ends: Promise<SessionEnds>,
  ): Promise<void> {
    this.#admit(connection, listener, await ends);
  }

  #admit(connection: Connection, listener: Listener, ends: SessionEnds): void {
    const { remote } = ends;
    const limit = this.#enter(remote);
    if (limit !== undefined) {
      this.#turnAway(connection, limit, { remote, listener });
      return;
    }
    const session = serveSession({ connection, ends }, this.#serviceOf(listener), (gone) => {
      this.#sessions.delete(gone);
      this.#admission.leave(remote);
      this.#pressure.sessionsChanged();
      if (this.#sessions.size === 0) this.#whenEmpty?.();
    });
    this.#sessions.add(session);
    this.#pressure.sessionsChanged();
  }

  #enter(remote: Peer): AdmissionLimit | undefined {
    if (this.#state !== "open") return "paused";
    // What a user may do cannot be decided without a name; the next try may bring it.
    if (remote.kind === "unix" && remote.user?.name.kind === "unavailable") return "unknown-user";
    return this.#admission.enter(remote, this.#ports.clock.monotonicMs());
  }

  #turnAway(connection: Connection, limit: AdmissionLimit, { remote, listener }: Visit): void {
    const { observe } = this.#parties;
    const isDeaf = listener.tls.mode === "smtps";
    this.#turnedAway.add(connection, limit, { remote, server: listener.hostname, observe, isDeaf });
  }

  /**
   * Serves the clients that come from now on by another configuration. Sessions under
   * way end under the one that they began with. The limits of sessions stay.
   */
  takeUp(settings: ServerSettings, parties: ServerParties): void {
    this.#settings = complete(settings, this.#limits);
    this.#parties = parties;
    this.#services = new WeakMap();
  }

  /** Turns new clients away until `resume`. */
  pause(): void {
    if (this.#state === "open") this.#state = "paused";
  }

  resume(): void {
    if (this.#state === "paused") this.#state = "open";
  }

  /**
   * Ends every session: idle ones now, those with a message on its way after it.
   * Resolves when all are closed; what is left after `waitMs` is broken off.
   */
  async shutdown(waitMs: number = SHUTDOWN_WAIT_MS): Promise<void> {
    this.#state = "closing";
    for (const connection of this.#pending) connection.destroy();
    if (this.#sessions.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    const cancel = this.#ports.clock.after(waitMs, () => {
      for (const session of this.#sessions) session.kill();
    });
    for (const session of this.#sessions) session.shutDown();
    await promise;
    cancel();
  }

  #serviceOf(listener: Listener): Service {
    const known = this.#services.get(listener);
    if (known !== undefined) return known;
    const { clock, random } = this.#ports;
    const service: Service = {
      ...this.#parties,
      clock,
      random,
      listener,
      tls: this.#parties.tlsOf?.(listener),
      settings: this.#settings,
      reverseNames: this.#reverseNames,
      userMessages: this.#userMessages,
      pressure: this.#pressure,
    };
    this.#services.set(listener, service);
    return service;
  }
}

function complete(settings: ServerSettings, limits: SessionLimits): Required<ServerSettings> {
  return {
    maxMessageBytes: settings.maxMessageBytes,
    maxRecipients: settings.maxRecipients,
    maxMailsPerSession: settings.maxMailsPerSession,
    limits,
  };
}
