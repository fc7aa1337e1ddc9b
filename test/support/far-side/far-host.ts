/**
 * One server of the real world: listens, keeps to its troubles, and counts whom it serves.
 */
import { type Endpoint, formatEndpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Connection, Listening, Network } from "#base/ports/network.ts";
import type { TlsServer } from "#base/ports/tls.ts";
import type { SimRandom } from "#world/sim/random.ts";
import type { FarLog } from "./far-log.ts";
import { FarSession } from "./far-session.ts";
import type { Mailboxes } from "./mailboxes.ts";
import type { Deed, Stage, Trouble } from "./trouble.ts";

export type FarEndpoint = Endpoint & { readonly kind: "tcp" };

export interface FarHostSettings {
  readonly name: string;
  /** Its addresses. */
  readonly endpoints: readonly [FarEndpoint, ...FarEndpoint[]];
  readonly troubles: readonly Trouble[];
  /** Lines of its reply to EHLO; STARTTLS goes under TLS, AUTH comes under it alone. */
  readonly extensions: readonly string[];
  /** A reply has several lines. */
  readonly isWordy: boolean;
  readonly mailboxes: Mailboxes;
  readonly tls: TlsServer | undefined;
}

export interface FarHostPorts {
  readonly clock: Clock;
  readonly random: SimRandom;
  readonly log: FarLog;
}

export interface SessionTime {
  /** Of the host's. */
  readonly address: string;
  readonly beganMs: number;
  /** Infinity: it has not. */
  endedMs: number;
}

/** In how many of a hundred cases a trouble "at-random" is one. */
const AT_RANDOM_PERCENT = 40;

export class FarHost {
  readonly settings: FarHostSettings;
  readonly ports: FarHostPorts;
  /** All sessions there were. */
  readonly sessions: SessionTime[] = [];
  readonly #open = new Set<FarSession>();
  readonly #beganMs: number;
  /** How often each trouble could have come. */
  readonly #occasions = new Map<Trouble, number>();
  readonly #listening: Listening[] = [];

  constructor(settings: FarHostSettings, ports: FarHostPorts) {
    this.settings = settings;
    this.ports = ports;
    this.#beganMs = ports.clock.wallMs();
  }

  /** @throws {Error} if it cannot. */
  async listen(network: Network): Promise<void> {
    for (const endpoint of this.settings.endpoints) {
      const listening = await network.listen(endpoint, (connection) => this.#accept(connection));
      if ("kind" in listening) throw new Error(listening.message);
      this.#listening.push(listening);
    }
  }

  /** Accepts no more, and breaks what is open. */
  close(): void {
    for (const listening of this.#listening) listening.close();
    for (const session of this.#open) session.breakOff();
  }

  /** Where it listens; a port of 0 has become a real one. */
  get bound(): readonly Endpoint[] {
    return this.#listening.map(({ endpoint }) => endpoint);
  }

  get openSessions(): number {
    return this.#open.size;
  }

  /** What it does at `stage` now; undefined: as it should be. It is in the log then. */
  deedAt(stage: Stage): Deed | undefined {
    const { log, clock } = this.ports;
    const trouble = this.settings.troubles.find((each) => each.stage === stage && this.#is(each));
    if (trouble === undefined) return undefined;
    const { kind } = trouble.deed;
    log.misdeeds.push({ atMs: clock.wallMs(), host: this.settings.name, stage, kind });
    return trouble.deed;
  }

  #is(trouble: Trouble): boolean {
    const { clock, random } = this.ports;
    if (clock.wallMs() - this.#beganMs >= trouble.lastsMs) return false;
    const occasion = (this.#occasions.get(trouble) ?? 0) + 1;
    this.#occasions.set(trouble, occasion);
    if (trouble.recurs === "always") return true;
    return trouble.recurs === "at-random" ? random.chance(AT_RANDOM_PERCENT) : occasion % 2 === 1;
  }

  #accept(connection: Connection): void {
    const { clock } = this.ports;
    const address = formatEndpoint(connection.local);
    const time: SessionTime = { address, beganMs: clock.wallMs(), endedMs: Infinity };
    this.sessions.push(time);
    const session = new FarSession(this, connection, this.sessions.length);
    this.#open.add(session);
    void session.run().finally(() => {
      this.#open.delete(session);
      time.endedMs = clock.wallMs();
    });
  }
}
