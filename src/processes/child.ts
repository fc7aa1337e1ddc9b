/**
 * A child of the parent and the ways between siblings, whatever they are made of:
 * processes and sockets (launch.ts, socket-pair.ts), or parts of one process and
 * memory (one-process.ts). `End` is what one end of a way between siblings is.
 */
import type { Endpoint, LocalUser } from "#base/endpoint.ts";
import type { ChildToParent, ParentToChild } from "#model/ipc/parent-link.ts";
import type { ListenerHandle } from "#world/node/bind.ts";
import type { Link } from "./channel.ts";
import type { Reach } from "./reach.ts";
import type { Role } from "./roles.ts";

/** Descriptors of a child that is a process (launch.ts). */
export const PARENT_LINK_FD = 4;
export const FIRST_LISTENER_FD = 5;

/** Once they run these need no more threads, and start no program (confinement.ts). */
export const SEALED_ROLES: ReadonlySet<Role> = new Set([
  "dispatcher",
  "queue",
  "lookup",
  "control",
  "local",
]);

/** Who a child runs as; undefined: as the parent itself does. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface LaunchRequest {
  readonly role: Role;
  readonly account: Account | undefined;
  readonly home: string;
  /** Bound descriptors, which the child accepts on; none within one process. */
  readonly listenerFds: readonly number[];
  /** Of lookup. */
  readonly reach?: Reach;
  /** Of local: takes each client that it hands on; resolves when there may be another. */
  readonly clients?: (client: PassedClient) => Promise<void>;
  /** Of an agent: its account, under whose name the log has what it says (agent-log.ts). */
  readonly speaker?: string;
  /** Of an agent: its commands may be programs that have more rights than who starts them. */
  readonly mayGainPrivileges?: boolean;
}

/** A socket that the parent has bound for a configuration that is to be taken up. */
export interface FreshListener {
  /** As `formatEndpoint` writes it. */
  readonly endpoint: string;
  readonly kind: Endpoint["kind"];
  /** Undefined within one process, where everybody can reach what is bound. */
  readonly handle: ListenerHandle | undefined;
}

/** What a child gets with its end of a way to a sibling. */
export interface Handover {
  /** What is at the other end: a role. */
  readonly to: Role;
  /** For an agent: the account; for a dispatcher: its number. */
  readonly name: string;
  /** The configuration that the sibling was started with, or has taken up since. */
  readonly generation: number;
  /** The child tells the parent that it has this one (joins.ts). */
  readonly number: number;
}

/** A client of a UNIX-domain socket, on its way from local by the parent to a dispatcher. */
export interface PassedClient extends Destroyable {
  /** Where it came in, as `formatEndpoint` writes it. */
  readonly endpoint: string;
  /** As local has it from the system; undefined in a world that has no users. */
  readonly uid: number | undefined;
}

/** What a dispatcher gets with the socket of a client. */
export interface ClientHandover {
  /** The endpoint that it came to. */
  readonly client: string;
  /** `name` is undefined where the system has none, "" where it could not be asked. */
  readonly user: { readonly uid: number; readonly name: string | undefined } | undefined;
}

/** What a child gets with a bound socket. */
export interface ListenerHandover {
  readonly listener: string;
  /** The configuration that it was bound for. */
  readonly generation: number;
}

export interface Child<End> {
  readonly pid: number | undefined;
  readonly link: Link<ChildToParent, ParentToChild>;
  /** `end` belongs to the child from now on; a child that is gone closes it. */
  handOver(handover: Handover, end: End): void;
  /** The child gets the socket too; it stays the parent's. */
  handOverListener(listener: FreshListener, generation: number): void;
  /** The client belongs to the child from now on. Resolves when it has left us. */
  handOverClient(client: PassedClient, user: LocalUser | undefined): Promise<void>;
  /** It runs, and has all threads that it needs: from now on it gets no others, nor programs. */
  seal(): void;
  kill(signal: "SIGKILL" | "SIGTERM"): void;
  /** Resolves once the child has ended, with a word on how. */
  readonly exited: Promise<string>;
}

/** Starts a child. It waits for its `configure` frame. */
export type Launch<End> = (request: LaunchRequest) => Child<End>;

/** An end that nobody wants is destroyed. */
export interface Destroyable {
  destroy(): unknown;
}

/** Makes ways between siblings. */
export interface Pairs<End extends Destroyable> {
  /** The string says why there is none, such as for lack of descriptors. */
  pair(): Promise<readonly [End, End] | string>;
  /** No more pairs are made; those that were live on. */
  close(): Promise<void>;
}
