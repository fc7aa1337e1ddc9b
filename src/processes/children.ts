/**
 * The children that last as long as the daemon: which there are, and what each is launched
 * with. Agents come and go with the mail: agents.ts has them.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Slice } from "#model/ipc/parent-link.ts";
import type { Destroyable, PassedClient } from "./child.ts";
import type { ChildMachinery, ParentSettings } from "./parent-settings.ts";
import type { Reach } from "./reach.ts";
import type { Role } from "./roles.ts";
import type { Sibling } from "./siblings.ts";
import { Supervised } from "./supervised.ts";

/** Asked at each launch: a child that is started again gets what holds by then. */
export interface ChildrenOwner {
  slice(role: Role, index: number): Slice;
  /** Of lookup. */
  reach(): Reach;
  /** From local; resolves when there may be another. */
  takeClient(client: PassedClient): Promise<void>;
}

export class Children<End extends Destroyable> {
  readonly queue: Sibling<End>;
  readonly control: Sibling<End>;
  /** Started with the first configuration that needs it (lookup-needs.ts). */
  readonly lookup: Sibling<End>;
  /** Started with the first one that has passwords of the system's users checked. */
  readonly auth: Sibling<End>;
  /** Started with the first configuration that has a UNIX-domain socket. */
  readonly local: Sibling<End>;
  readonly dispatchers: readonly Sibling<End>[];
  readonly #clock: Clock;
  readonly #launch: ChildMachinery<End>["launch"];
  readonly #accounts: ParentSettings["accounts"];
  readonly #owner: ChildrenOwner;

  constructor(
    clock: Clock,
    { bound, launch }: ChildMachinery<End>,
    { accounts, dispatchers }: ParentSettings,
    owner: ChildrenOwner,
  ) {
    this.#clock = clock;
    this.#launch = launch;
    this.#accounts = accounts;
    this.#owner = owner;
    this.queue = this.#sibling("queue", 0, () => []);
    this.control = this.#sibling("control", 0, () => [bound.controlFd]);
    this.lookup = this.#sibling("lookup", 0, () => []);
    this.auth = this.#sibling("auth", 0, () => []);
    this.local = this.#sibling("local", 0, () => bound.fdsOf("unix"));
    this.dispatchers = Array.from({ length: dispatchers }, (_, index) =>
      this.#sibling("dispatcher", index, () => bound.fdsOf("tcp")),
    );
  }

  /** Those that run, or will again. */
  get started(): readonly Sibling<End>[] {
    const asked = [this.auth, this.lookup, this.local].filter(({ process }) => process.isStarted);
    return [this.queue, ...asked, ...this.dispatchers, this.control];
  }

  /**
   * Resolves once none of them is starting: a start may be long, and whoever cuts it short has it begin anew.
   *
   * @param waitsFor told each one that is waited for.
   */
  async startsOver(waitsFor: (name: string) => void): Promise<void> {
    for (;;) {
      const starting = this.started.find(({ process }) => process.startOver !== undefined);
      if (starting === undefined) return;
      waitsFor(starting.process.name);
      await starting.process.startOver;
    }
  }

  #sibling(role: Role, index: number, listenerFds: () => readonly number[]): Sibling<End> {
    const name = role === "dispatcher" ? `dispatcher ${index}` : role;
    const process = new Supervised<End>(name, this.#clock, {
      launch: () =>
        this.#launch({
          role,
          account: this.#accounts.get(role),
          home: "/",
          listenerFds: listenerFds(),
          ...(role === "local" ? { clients: (client) => this.#owner.takeClient(client) } : {}),
          ...(role === "lookup" ? { reach: this.#owner.reach() } : {}),
        }),
      slice: () => this.#owner.slice(role, index),
    });
    return { process, role, index };
  }
}
