/**
 * A machine and the network around it from one seed: time, randomness, DNS, disk,
 * users and programs, all simulated. The same seed and the same test give the
 * same run. The program under test gets the ports of a SimProcess, so that it
 * can die; what stands for the rest of the world uses `network` itself.
 */
import { SimChildren } from "./children.ts";
import { SimClock } from "./clock.ts";
import type { SimConnectionSettings } from "./connection.ts";
import { SimDisk, type SimDiskSettings } from "./disk.ts";
import { SimNetwork } from "./network.ts";
import { SimProcess } from "./process.ts";
import { SimRandom } from "./random.ts";
import { SimResolver, type SimZone } from "./resolver.ts";
import { SimTls } from "./tls.ts";
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
  readonly tls: SimTls;
  readonly resolver: SimResolver;
  readonly users: SimUsers;
  readonly children: SimChildren;
  readonly #processes = new Set<SimProcess>();
  #disk: SimDisk;

  constructor(seed: number, settings: SimWorldSettings = {}) {
    const random = new SimRandom(seed);
    this.seed = seed;
    this.clock = new SimClock();
    this.random = random.fork("program");
    this.network = new SimNetwork(this.clock, random.fork("network"), settings.network);
    this.tls = new SimTls(this.clock);
    this.resolver = new SimResolver(settings.zone);
    this.users = new SimUsers();
    this.children = new SimChildren(this.clock);
    this.#disk = new SimDisk(this.clock, random.fork("disk"), settings.disk);
  }

  /** The disk in the machine now. */
  get disk(): SimDisk {
    return this.#disk;
  }

  /** Starts a run of a program: its view of this world, which it can be killed in. */
  startProcess(): SimProcess {
    const process = new SimProcess(this, this.random);
    this.#processes.add(process);
    return process;
  }

  /** Power cut: every process dies, and the disk is the one found afterwards. */
  crash(): void {
    for (const process of this.#processes) process.kill();
    this.#processes.clear();
    this.#disk = this.#disk.crash();
  }
}
