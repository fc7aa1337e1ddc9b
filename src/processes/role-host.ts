/**
 * What every child does around its role: waits for its slice of the configuration,
 * starts the role, hands it what comes, has it take up another configuration, and ends
 * when its parent is gone.
 *
 * Knows nothing of processes: role-process.ts hosts a role in a process of its own,
 * one-process.ts several beside each other.
 */
import { Observer, type Sink } from "#engine/observe/observer.ts";
import type { Config } from "#model/config/config.ts";
import { deserialiseConfig } from "#model/config/serialise.ts";
import type { ChildToParent, NextSlice, ParentToChild, Slice } from "#model/ipc/parent-link.ts";
import { NONE_STRANDED } from "#model/stranded.ts";
import type { Link } from "./channel.ts";
import type { Joined, Prepared, RolePorts, RunningRole, StartRole } from "./role.ts";

export interface HostSetting {
  /** Not started. */
  readonly parent: Link<ParentToChild, ChildToParent>;
  readonly hostname: string;
  readonly home: string;
  readonly uid: number;
  readonly log: Sink;
  ports(config: Config, slice: Slice): RolePorts;
  readonly startRole: StartRole;
  /** The role has loaded and opened all that it ever will. */
  started(): void;
  /** The parent is gone, or the role has ended and said its last. */
  ended(): void;
}

interface Next {
  readonly generation: number;
  /** Undefined while the role gets ready. */
  prepared: Prepared | undefined;
}

export class RoleHost {
  readonly #setting: HostSetting;
  readonly #early: Joined[] = [];
  #observer: Observer | undefined;
  #role: RunningRole | undefined;
  /** The configuration that is to be taken up. */
  #next: Next | undefined;

  constructor(setting: HostSetting) {
    this.#setting = setting;
    setting.parent.start({
      message: (message) => this.#parentSays(message),
      closed: () => setting.ended(),
    });
  }

  /** A sibling was joined; one that comes before the role runs waits for it. */
  joined(sibling: Joined): void {
    this.#setting.parent.send({ kind: "joined", number: sibling.number });
    if (this.#role === undefined) this.#early.push(sibling);
    else this.#role.joined(sibling);
  }

  #parentSays(message: ParentToChild): void {
    if (message.kind === "configure") {
      void this.#start(message.slice);
      return;
    }
    if (message.kind === "verbose" && this.#observer !== undefined) {
      this.#observer.verbose = message.verbose;
    }
    if (message.kind === "prepare") void this.#prepare(message.next);
    else if (message.kind === "take-up") this.#takeUp(message.generation);
    else if (message.kind === "abandon") this.#abandon(message.generation);
    else if (this.#role !== undefined) this.#role.parentSays(message);
    // Told to go before it has begun: there is nothing to finish.
    else if (message.kind === "shutdown") this.#setting.parent.end();
  }

  async #prepare({ config, tls, generation, onlyTable }: NextSlice): Promise<void> {
    const next: Next = { generation, prepared: undefined };
    this.#next = next;
    const prepared = (await this.#role?.prepare?.({
      config: deserialiseConfig(config),
      tls,
      generation,
      onlyTable,
    })) ?? { takeUp: () => NONE_STRANDED, abandon: () => undefined };
    const isWanted = this.#next === next;
    if (typeof prepared === "string") {
      if (isWanted) this.#setting.parent.send({ kind: "prepared", generation, fault: prepared });
    } else if (isWanted) {
      next.prepared = prepared;
      this.#setting.parent.send({ kind: "prepared", generation, fault: undefined });
    } else prepared.abandon();
  }

  #takeUp(generation: number): void {
    const next = this.#next;
    if (next?.generation !== generation || next.prepared === undefined) return;
    this.#next = undefined;
    const stranded = next.prepared.takeUp();
    this.#setting.parent.send({ kind: "taken-up", generation, stranded });
  }

  #abandon(generation: number): void {
    const next = this.#next;
    if (next?.generation !== generation) return;
    this.#next = undefined;
    next.prepared?.abandon();
  }

  async #start(slice: Slice): Promise<void> {
    const { parent, hostname, home, uid, log } = this.#setting;
    const observer = new Observer(log, slice.verbose);
    this.#observer = observer;
    const config = deserialiseConfig(slice.config);
    const role = await this.#setting.startRole({
      ports: this.#setting.ports(config, slice),
      slice,
      config,
      parent,
      observer,
      hostname,
      home,
      uid,
      // Frames that wait are sent before the channel closes: `ended` follows.
      end: () => parent.end(),
    });
    if (typeof role === "string") {
      parent.send({ kind: "cannot-start", why: role });
      parent.end();
      return;
    }
    this.#role = role;
    this.#setting.started();
    parent.send({ kind: "ready" });
    for (const sibling of this.#early) role.joined(sibling);
  }
}
