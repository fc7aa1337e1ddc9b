/**
 * A role: what a child process does, as a function of its ports, its slice of the
 * configuration and its channels. It does not know whether it runs in a process of
 * its own (role-process.ts) or beside the others in one (one-process.ts).
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Files } from "#base/ports/files.ts";
import type { Network } from "#base/ports/network.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { Config } from "#model/config/config.ts";
import type { Observer } from "#engine/observe/observer.ts";
import type { ChildToParent, ParentToChild, Slice } from "#model/ipc/parent-link.ts";
import type { TlsMaterial } from "#model/tls-material.ts";
import type { Stranded } from "#model/stranded.ts";
import type { Channel, ChannelShape, Defer, Link } from "./channel.ts";
import type { Handover } from "./child.ts";

export interface RolePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
  readonly network: Network;
  readonly files: Files;
  readonly defer: Defer;
  /**
   * Resolves when this process can listen on `endpoints`, which the parent has bound for
   * the configuration `generation`; never, if it gave that up.
   */
  arrived(endpoints: readonly Endpoint[], generation: number): Promise<void>;
}

export interface RoleSetting {
  readonly ports: RolePorts;
  readonly slice: Slice;
  readonly config: Config;
  readonly parent: Channel<ChildToParent>;
  readonly observer: Observer;
  /** Name of this machine, for Maildir file names. */
  readonly hostname: string;
  /** The home of the user that this process runs as. */
  readonly home: string;
  /** That user's number. */
  readonly uid: number;
  /** A role that has nothing more to do ends its process with this. */
  end(): void;
}

/** A sibling at the other end of a fresh way to it. */
export interface Joined extends Handover {
  /** Opens the way; must be called once, unless it is refused. */
  open<In, Out>(shape: ChannelShape<In, Out>): Link<In, Out>;
  refuse(): void;
}

export interface RunningRole {
  joined(sibling: Joined): void;
  /** Everything but `configure`, which came before, and what is about another configuration. */
  parentSays(message: ParentToChild): void;
  /**
   * Gets ready to work by another configuration, which may still be given up; the string
   * says why it cannot. Left out where the configuration is not looked at.
   */
  prepare?(next: NextConfig): Promise<Prepared | string>;
}

/** A configuration that is to be taken up. */
export interface NextConfig {
  readonly config: Config;
  readonly tls: TlsMaterial;
  readonly generation: number;
  /** The table whose entries are all that differs; undefined: anything may. */
  readonly onlyTable: string | undefined;
}

/** One of the two is called, at most once. */
export interface Prepared {
  /** What begins from now on is done by the new configuration. */
  takeUp(): Stranded;
  abandon(): void;
}

/** Starts a role; the string says, in one line, why it cannot run. */
export type StartRole = (setting: RoleSetting) => Promise<RunningRole | string>;
