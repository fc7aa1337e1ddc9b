/**
 * Clients that are not served: each is told 421 and let go, or cut off without a word
 * when too many of them have not gone yet.
 *
 * Source: RFC 5321 §3.8 (421 before closing); §3.1 (refusing at the greeting).
 */
import { nameOfUser, type Peer } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Connection, ConnectionHandler } from "#base/ports/network.ts";
import { formatReply } from "#protocols/smtp/reply.ts";
import type { Observe } from "#model/events.ts";
import type { AdmissionLimit } from "#model/limit-name.ts";
import { LINGER_MS } from "./limits.ts";
import { SeldomTold } from "./seldom-told.ts";

const WORDS: Readonly<Record<AdmissionLimit, string>> = {
  sessions: "Too many connections",
  "sessions-per-source": "Too many connections from your address",
  "connection-rate": "Too many new connections from your address",
  "sessions-per-user": "Too many connections of yours",
  "unknown-user": "Cannot look up who you are",
  paused: "Service not available",
  // Nobody is told: it is the proxy that speaks first.
  "pending-proxies": "Too many connections",
};

export interface TurnedAwayClient {
  readonly remote: Peer;
  /** The name of the server that it came to. */
  readonly server: string;
  readonly observe: Observe;
  /** It waits for a handshake: no word of ours would be understood. */
  readonly isDeaf: boolean;
}

export class TurnedAway {
  readonly #clock: Clock;
  readonly #max: number;
  /** Have not gone yet. */
  #count = 0;
  readonly #told: SeldomTold<AdmissionLimit>;

  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = max;
    this.#told = new SeldomTold(clock);
  }

  /** Lets `connection` go, which speaks for `client`. */
  add(connection: Connection, limit: AdmissionLimit, client: TurnedAwayClient): void {
    this.#tell(limit, client);
    const cancel = this.#clock.after(LINGER_MS, () => connection.destroy());
    this.#count++;
    connection.start(
      new DeafHandler(() => {
        this.#count--;
        cancel();
      }),
    );
    if (this.#count > this.#max || client.isDeaf || limit === "pending-proxies") {
      connection.destroy();
      return;
    }
    const farewell = { code: 421, enhanced: "4.3.2", text: `${client.server} ${WORDS[limit]}` };
    connection.write(Buffer.from(formatReply(farewell), "latin1"));
    connection.end();
  }

  #tell(limit: AdmissionLimit, { remote, observe }: TurnedAwayClient): void {
    this.#told.add(limit, shownAddress(remote), (address, clients) =>
      observe({ kind: "smtp-turned-away", limit, address, clients }),
    );
  }
}

function shownAddress(remote: Peer): string {
  if (remote.kind === "tcp") return remote.host;
  return remote.user === undefined ? "local" : `local:${nameOfUser(remote.user)}`;
}

/** Listens to nothing that its client says. */
class DeafHandler implements ConnectionHandler {
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
