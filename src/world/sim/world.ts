/**
 * A whole machine from one seed: time, randomness, network, DNS, disk, users and
 * programs, all simulated. The same seed and the same test give the same run.
 */
import { SimChildren } from "./children.ts";
import { SimClock } from "./clock.ts";
import type { SimConnectionSettings } from "./connection.ts";
import { SimDisk, type SimDiskSettings } from "./disk.ts";
import { SimNetwork } from "./network.ts";
import { SimRandom } from "./random.ts";
import { SimResolver, type SimZone } from "./resolver.ts";
import { SimUsers } from "./users.ts";

export interface SimWorldSettings {
  readonly network?: Partial<SimConnectionSettings>;
  readonly disk?: SimDiskSettings;
  readonly zone?: SimZone;
}

export class SimWorld {
  readonly seed: number;
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly network: SimNetwork;
  readonly resolver: SimResolver;
  readonly users: SimUsers;
  readonly children: SimChildren;
  #disk: SimDisk;

  constructor(seed: number, settings: SimWorldSettings = {}) {
    const random = new SimRandom(seed);
    this.seed = seed;
    this.clock = new SimClock();
    this.random = random.fork("program");
    this.network = new SimNetwork(this.clock, random.fork("network"), settings.network);
    this.resolver = new SimResolver(settings.zone);
    this.users = new SimUsers();
    this.children = new SimChildren(this.clock);
    this.#disk = new SimDisk(this.clock, random.fork("disk"), settings.disk);
  }

  /** The disk in the machine now. */
  get disk(): SimDisk {
    return this.#disk;
  }

  /** Power cut: every connection breaks, and the disk is the one found afterwards. */
  crash(): void {
    this.network.resetAll();
    this.#disk = this.#disk.crash();
  }
}
