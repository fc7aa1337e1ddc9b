/**
 * The SMTP server: every session of every listener, and the caps on them.
 *
 * A client over a cap is told 421 and let go; when even those pile up, it is cut
 * off without a word. `pause` turns new clients away and lets sessions go on.
 *
 * Source: RFC 5321 §3.8 (421 before closing); §3.1 (refusing at the greeting).
 */
import type { Connection, ConnectionHandler } from "#base/ports/network.ts";
import { formatReply } from "#protocols/smtp/reply.ts";
import type { Listener } from "#model/config/config.ts";
import { DEFAULT_LIMITS, LINGER_MS, type SessionLimits, SHUTDOWN_WAIT_MS } from "./limits.ts";
import { ReverseNames } from "./reverse-names.ts";
import type { ServerParties, ServerPorts, ServerSettings, Service } from "./service.ts";
import { type LiveSession, serveSession } from "./session-driver.ts";
import { SourceCounts } from "./source-counts.ts";

export class SmtpServer {
  readonly #ports: ServerPorts;
  readonly #limits: SessionLimits;
  readonly #reverseNames: ReverseNames;
  #settings: Required<ServerSettings>;
  #parties: ServerParties;
  #services = new WeakMap<Listener, Service>();
  readonly #sessions = new Set<LiveSession>();
  readonly #sources = new SourceCounts();
  #state: "open" | "paused" | "closing" = "open";
  /** Clients that were turned away and have not gone yet. */
  #turnedAway = 0;
  #whenEmpty: (() => void) | undefined;

  constructor(ports: ServerPorts, settings: ServerSettings, parties: ServerParties) {
    this.#ports = ports;
    this.#limits = settings.limits ?? DEFAULT_LIMITS;
    this.#settings = complete(settings, this.#limits);
    this.#parties = parties;
    this.#reverseNames = new ReverseNames(ports.clock, ports.resolver);
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Serves a connection that came in at `listener`. */
  accept(connection: Connection, listener: Listener): void {
    const service = this.#serviceOf(listener);
    const { maxSessions, maxSessionsPerSource } = this.#limits;
    if (this.#state !== "open") {
      this.#turnAway(connection, service, "Service not available");
    } else if (this.#sessions.size >= maxSessions) {
      this.#turnAway(connection, service, "Too many connections");
    } else if (!this.#sources.enter(connection.remote, maxSessionsPerSource)) {
      this.#turnAway(connection, service, "Too many connections from your address");
    } else {
      const session = serveSession(connection, service, (gone) => {
        this.#sessions.delete(gone);
        this.#sources.leave(connection.remote);
        if (this.#sessions.size === 0) this.#whenEmpty?.();
      });
      this.#sessions.add(session);
    }
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
      settings: this.#settings,
      reverseNames: this.#reverseNames,
    };
    this.#services.set(listener, service);
    return service;
  }

  #turnAway(connection: Connection, service: Service, why: string): void {
    const farewell = { code: 421, enhanced: "4.3.2", text: `${service.listener.hostname} ${why}` };
    const gone = new TurnedAway(() => {
      this.#turnedAway--;
      cancel();
    });
    const cancel = this.#ports.clock.after(LINGER_MS, () => connection.destroy());
    this.#turnedAway++;
    connection.start(gone);
    if (this.#turnedAway > this.#limits.maxTurnedAway) {
      connection.destroy();
      return;
    }
    connection.write(Buffer.from(formatReply(farewell), "latin1"));
    connection.end();
  }
}

function complete(settings: ServerSettings, limits: SessionLimits): Required<ServerSettings> {
  return {
    maxMessageBytes: settings.maxMessageBytes,
    maxRecipients: settings.maxRecipients,
    maxMailsPerSession: settings.maxMailsPerSession,
    protocol: settings.protocol ?? "smtp",
    limits,
  };
}

/** Listens to nothing that its client says. */
class TurnedAway implements ConnectionHandler {
  readonly #gone: () => void;

  constructor(gone: () => void) {
    this.#gone = gone;
  }

  data(): void {}
  end(): void {}
  drain(): void {}

  closed(): void {
    this.#gone();
  }
}
