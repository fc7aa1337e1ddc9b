/**
 * One run of a program in a simulated world: its ports, and its death.
 *
 * `kill` is what kill -9 does: its timers do not run any more, its connections
 * and listeners are gone, nothing that it waits for ever answers, and the disk
 * keeps what was written, synced or not. A power cut kills and takes the disk's
 * unsynced state too (SimWorld.crash).
 */
import type { Children } from "#base/ports/children.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Files, OpenFile } from "#base/ports/files.ts";
import { MortalConnections } from "#base/ports/mortal-connections.ts";
import type { Listening, Network } from "#base/ports/network.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { Tls } from "#base/ports/tls.ts";
import type { Users } from "#base/ports/users.ts";
import type { SimWorld } from "./world.ts";

export class SimProcess {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly tls: Tls;
  readonly files: Files;
  readonly resolver: Resolver;
  readonly users: Users;
  readonly children: Children;

  readonly #listening = new Set<Listening>();
  readonly #connections = new MortalConnections();
  readonly #openFiles = new Set<OpenFile>();
  #state: "running" | "dead" = "running";

  constructor(world: SimWorld, random: Random) {
    this.random = random;
    this.clock = this.#clockOf(world.clock);
    this.network = this.#networkOf(world.network);
    this.tls = this.#connections.tls(world.tls);
    this.files = this.#filesOf(world.disk.files());
    this.resolver = {
      mx: (domain) => this.#alive(() => world.resolver.mx(domain)),
      addresses: (host) => this.#alive(() => world.resolver.addresses(host)),
      pointer: (address) => this.#alive(() => world.resolver.pointer(address)),
      alias: (host) => this.#alive(() => world.resolver.alias(host)),
      tlsa: (name) => this.#alive(() => world.resolver.tlsa(name)),
      texts: (name) => this.#alive(() => world.resolver.texts(name)),
    };
    this.users = { lookup: (name) => this.#alive(() => world.users.lookup(name)) };
    this.children = { run: (request) => this.#alive(() => world.children.run(request)) };
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  /** Ends this run at once. */
  kill(): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    for (const listening of this.#listening) listening.close();
    this.#connections.die();
    // The disk counts open files; one that was being closed is counted off already.
    for (const file of this.#openFiles) file.close().catch(() => {});
  }

  #clockOf(clock: Clock): Clock {
    return {
      wallMs: () => clock.wallMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, run) =>
        clock.after(delayMs, () => {
          if (this.isRunning) run();
        }),
    };
  }

  #networkOf(network: Network): Network {
    return {
      listen: async (endpoint, accept) => {
        const listening = await this.#alive(() =>
          network.listen(endpoint, (connection) => accept(this.#connections.own(connection))),
        );
        if (!("code" in listening)) this.#listening.add(listening);
        return listening;
      },
      connect: async (endpoint, options) => {
        const connection = await this.#alive(() => network.connect(endpoint, options));
        return "code" in connection ? connection : this.#connections.own(connection);
      },
    };
  }

  #filesOf(files: Files): Files {
    return {
      open: async (path, mode, permissions) => {
        const file = await this.#alive(() => files.open(path, mode, permissions));
        this.#openFiles.add(file);
        return this.#fileOf(file);
      },
      list: (folder) => this.#alive(() => files.list(folder)),
      makeFolder: (folder, permissions) => this.#alive(() => files.makeFolder(folder, permissions)),
      rename: (from, to) => this.#alive(() => files.rename(from, to)),
      link: (from, to) => this.#alive(() => files.link(from, to)),
      unlink: (path) => this.#alive(() => files.unlink(path)),
      syncFolder: (folder) => this.#alive(() => files.syncFolder(folder)),
      stat: (path) => this.#alive(() => files.stat(path)),
      statTarget: (path) => this.#alive(() => files.statTarget(path)),
      freeSpace: (path) => this.#alive(() => files.freeSpace(path)),
    };
  }

  #fileOf(file: OpenFile): OpenFile {
    return {
      write: (chunks, offset) => this.#alive(() => file.write(chunks, offset)),
      read: (offset, length) => this.#alive(() => file.read(offset, length)),
      sync: () => this.#alive(() => file.sync()),
      truncate: (bytes) => this.#alive(() => file.truncate(bytes)),
      giveTo: (uid, gid) => this.#alive(() => file.giveTo(uid, gid)),
      seal: (permissions) => this.#alive(() => file.seal(permissions)),
      stat: () => this.#alive(() => file.stat()),
      close: () =>
        this.#alive(() => {
          this.#openFiles.delete(file);
          return file.close();
        }),
    };
  }

  /** The answer to `ask`, which is not asked by a dead process and never reaches one. */
  async #alive<Value>(ask: () => Promise<Value>): Promise<Value> {
    if (!this.isRunning) return forever();
    try {
      const value = await ask();
      return this.isRunning ? value : await forever();
    } catch (error) {
      if (this.isRunning) throw error;
      return forever();
    }
  }
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
