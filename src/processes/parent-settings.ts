/** What the parent is made with: the daemon's settings, and how it comes by its children. */
import type { Clock } from "#base/ports/clock.ts";
import type { Files } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import type { Users, UsersByUid } from "#base/ports/users.ts";
import type { Config } from "#model/config/config.ts";
import type { QueueKeys } from "#model/config/queue-key-text.ts";
import type { Subsystem } from "#model/ipc/control-link.ts";
import type { BoundSockets } from "./bound-sockets.ts";
import type { Account, Destroyable, Launch, Pairs } from "./child.ts";
import type { ConfigReader } from "./reloads.ts";
import type { Role } from "./roles.ts";
import type { TlsSource } from "./tls-source.ts";

export interface ParentSettings {
  /** What it starts with; a reload brings others. */
  readonly config: Config;
  readonly reader: ConfigReader;
  readonly spool: string;
  readonly controlSocket: string;
  /** Lookup keeps responses of OCSP and policies of MTA-STS there; undefined: nowhere. */
  readonly stapleFolder: string | undefined;
  readonly dispatchers: number;
  /** Who each role runs as; empty without root. */
  readonly accounts: ReadonlyMap<Role, Account>;
  readonly isRoot: boolean;
  readonly verbose: boolean;
  readonly paused: readonly Subsystem[];
  readonly ownAddresses: readonly string[];
  /** Of `queue encryption`; a reload leaves them as they are. */
  readonly queueKeys: QueueKeys;
  /** Of each process; children inherit the limit. */
  readonly maxOpenFiles: number;
  /** Descriptors that this process has now. */
  readonly openFiles: () => number;
}

export interface ParentPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Of mailboxes in the mail spool: the parent makes and locks them. */
  readonly files: Files;
  readonly users: Users & UsersByUid;
  readonly tls: TlsSource;
}

/** How the parent comes by its children and joins them. */
export interface ChildMachinery<End extends Destroyable> {
  readonly bound: BoundSockets;
  readonly pairs: Pairs<End>;
  readonly launch: Launch<End>;
}
