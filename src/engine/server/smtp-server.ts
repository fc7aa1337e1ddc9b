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
import { LINGER_MS, SHUTDOWN_WAIT_MS } from "./limits.ts";
import { ReverseNames } from "./reverse-names.ts";
import type { ServerDeps, ServerSettings, Service } from "./service.ts";
import { type LiveSession, serveSession } from "./session-driver.ts";
import { SourceCounts } from "./source-counts.ts";

/** Clients that were told 421 and have not gone yet. */
const MAX_TURNED_AWAY = 256;

export class SmtpServer {
  readonly #deps: ServerDeps;
  readonly #settings: ServerSettings;
  readonly #reverseNames: ReverseNames;
  readonly #sessions = new Set<LiveSession>();
  readonly #sources = new SourceCounts();
  #state: "open" | "paused" | "closing" = "open";
  #turnedAway = 0;
  #whenEmpty: (() => void) | undefined;

  constructor(deps: ServerDeps, settings: ServerSettings) {
    this.#deps = deps;
    this.#settings = settings;
    this.#reverseNames = new ReverseNames(deps.clock, deps.resolver);
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** What takes the connections of `listener`: give it to `Network.listen`. */
  acceptor(listener: Listener): (connection: Connection) => void {
    const { resolver: _, ...shared } = this.#deps;
    const service: Service = {
      ...shared,
      listener,
      settings: this.#settings,
      reverseNames: this.#reverseNames,
    };
    return (connection) => this.#accept(connection, service);
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
   * Resolves when all are closed, after SHUTDOWN_WAIT_MS at the latest.
   */
  async shutdown(): Promise<void> {
    this.#state = "closing";
    for (const session of this.#sessions) session.shutDown();
    if (this.#sessions.size === 0) return;
    const cancel = this.#deps.clock.after(SHUTDOWN_WAIT_MS, () => {
      for (const session of this.#sessions) session.kill();
    });
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    cancel();
  }

  #accept(connection: Connection, service: Service): void {
    const { maxSessions, maxSessionsPerSource } = this.#settings.limits;
    if (this.#state !== "open") {
      this.#turnAway(connection, service, "Service not available");
    } else if (this.#sessions.size >= maxSessions) {
      this.#turnAway(connection, service, "Too many connections");
    } else if (!this.#sources.enter(connection.remote, maxSessionsPerSource)) {
      this.#turnAway(connection, service, "Too many connections from your address");
    } else {
      this.#sessions.add(serveSession(connection, service, this.#leave(connection)));
    }
  }

  #leave(connection: Connection): (session: LiveSession) => void {
    return (session) => {
      this.#sessions.delete(session);
      this.#sources.leave(connection.remote);
      if (this.#sessions.size === 0) this.#whenEmpty?.();
    };
  }

  #turnAway(connection: Connection, service: Service, why: string): void {
    const farewell = { code: 421, enhanced: "4.3.2", text: `${service.listener.hostname} ${why}` };
    const gone = new TurnedAway(() => {
      this.#turnedAway--;
      cancel();
    });
    const cancel = this.#deps.clock.after(LINGER_MS, () => connection.destroy());
    this.#turnedAway++;
    connection.start(gone);
    if (this.#turnedAway > MAX_TURNED_AWAY) {
      connection.destroy();
      return;
    }
    connection.write(Buffer.from(formatReply(farewell), "latin1"));
    connection.end();
  }
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
