/**
 * A sending side and a far side in one world, on virtual time; and the mail of one world that
 * was drawn: bursts of messages to recipients anywhere. All of it follows from one number.
 */
import type { TlsServer } from "#base/ports/tls.ts";
import type { SimConnectionSettings } from "#world/sim/connection.ts";
import { SimRandom } from "#world/sim/random.ts";
import { SimWorld } from "#world/sim/world.ts";
import { drawSites } from "#test/support/far-side/draw-sites.ts";
import { type FarDomain, FarSide, type SitePlan } from "#test/support/far-side/far-side.ts";
import { tlsServer } from "#test/support/tls-server.ts";
import { certificateOf } from "./certificate-of.ts";
import { FarNetwork } from "./far-network.ts";
import { SendingSide } from "./sending-side.ts";

const HOUR_MS = 3_600_000;
/** Mail is sent in this time. */
const SENDING_MS = 3 * HOUR_MS;
/** What is under way when all is told to end: each step of it has its limit. */
const ENDING_MS = 12 * HOUR_MS;
const MAX_BURSTS = 3;
const MAX_LETTERS = 12;
const MAX_RECIPIENTS = 4;
const MAX_SMALL_BYTES = 300;
const LARGE_BYTES = 150_000;
const LINE = `${"0123456789abcdef".repeat(4)}\r\n`;

/** What was left open when everything was told to end. */
export interface Leftovers {
  readonly connections: number;
  readonly sessions: number;
  readonly timers: number;
}

export class TwoSides {
  readonly world: SimWorld;
  readonly far: FarSide;
  readonly sender: SendingSide;
  readonly #random: SimRandom;
  /** In small pieces a large text takes too long. */
  readonly #takesLarge: boolean;
  /** Of the world: what is still to come of it ends with it. */
  readonly #timers: (() => void)[] = [];

  /** The servers listen. `sites`: drawn by the seed if left out. */
  static async make(seed: number, sites?: readonly SitePlan[]): Promise<TwoSides> {
    const sides = new TwoSides(seed, sites);
    for (const host of sides.far.hosts) await host.listen(sides.world.network);
    return sides;
  }

  private constructor(seed: number, sites: readonly SitePlan[] | undefined) {
    const random = new SimRandom(seed);
    const chunkBytes = random.pick<SimConnectionSettings["chunkBytes"]>([1, "random", "whole"]);
    this.#takesLarge = chunkBytes === "whole";
    this.#random = random.fork("traffic");
    this.world = new SimWorld(seed, { network: { chunkBytes, latencyMs: 1 + random.below(100) } });
    const { clock, network } = this.world;
    this.far = new FarSide(sites ?? drawSites(random.fork("sites")), {
      clock,
      random: random.fork("far side"),
      tlsOf: (name) => this.#tlsOf(name),
    });
    for (const domain of this.far.domains) this.#name(domain);
    const way = new FarNetwork(network, this.far.hosts);
    this.sender = new SendingSide(this.world, random.fork("sender"), way);
  }

  /** From now on mail comes, for some hours. */
  beginTraffic(): void {
    const random = this.#random;
    for (let left = 1 + random.below(MAX_BURSTS); left > 0; left--) {
      const count = 1 + random.below(MAX_LETTERS);
      this.#after(random.below(SENDING_MS), () => {
        for (let sent = 0; sent < count; sent++) void this.sender.send(this.#letter());
      });
    }
  }

  /** All is told to end, and may take as long as its limits say. */
  async end(): Promise<Leftovers> {
    const { clock, network } = this.world;
    for (const cancel of this.#timers) cancel();
    await clock.runUntilSettled(this.sender.end(), ENDING_MS);
    await clock.runUntilIdle(ENDING_MS);
    return {
      connections: network.openConnections,
      sessions: this.far.openSessions,
      timers: clock.pendingTimers,
    };
  }

  #after(delayMs: number, run: () => void): void {
    this.#timers.push(this.world.clock.after(delayMs, run));
  }

  /** Has the DNS know it, or not. */
  #name({ name, naming, hosts, mx }: FarDomain): void {
    const { resolver } = this.world;
    if (naming.kind === "absent") return;
    if (naming.kind === "null-mx") return resolver.setMx(name, [{ preference: 0, exchange: "" }]);
    if (naming.kind === "no-address")
      return resolver.setMx(name, [{ preference: 10, exchange: `mx.${name}` }]);
    resolver.setMx(name, mx);
    for (const { settings } of hosts)
      resolver.setAddresses(
        settings.name,
        settings.endpoints.map(({ host }) => host),
      );
    if (naming.kind !== "failing") return;
    resolver.setServers(name, "failing");
    if (naming.lastsMs < Infinity)
      this.#after(naming.lastsMs, () => resolver.setServers(name, "answering"));
  }

  #tlsOf(name: string): TlsServer {
    return tlsServer(this.world.tls, { name, certificate: certificateOf(name) });
  }

  #letter(): { readonly forwardPaths: readonly string[]; readonly body: string } {
    const random = this.#random;
    const [first = "", ...others] = this.far.domains.map(({ name }) => name);
    const picked = new Set<string>();
    for (let left = 1 + random.below(MAX_RECIPIENTS); left > 0; left--) {
      const who = random.chance(80) ? "user" : random.pick(["nobody", "full"]);
      picked.add(`${who}${left}@${random.pick([first, ...others])}`);
    }
    const isLarge = this.#takesLarge && random.chance(10);
    const bytes = isLarge ? LARGE_BYTES : random.below(MAX_SMALL_BYTES);
    const lines = LINE.repeat(Math.ceil(bytes / LINE.length));
    return { forwardPaths: [...picked], body: `${lines}.\r\n..\r\n` };
  }
}
