/**
 * Who is at the other end: address, reverse name, and what it called itself.
 *
 * The look-up of the name runs while the session goes on. OpenSMTPD greets after
 * it; here the name is awaited only where it is written down, or where a rule asks for
 * it (`named`), which the look-up bounds. "smtp-connected" is told once: when the name
 * is known, or before the first other event of the session.
 */
import type { LocalUser, Peer } from "#base/endpoint.ts";
import type { NamedClient } from "#protocols/smtp/xclient.ts";
import { type Origin, type OriginTls, UNKNOWN_HOSTNAME } from "#model/envelope.ts";
import { randomSessionId } from "#model/ids.ts";
import type { ReverseName } from "./reverse-names.ts";
import type { Service } from "./service.ts";
import { comesFromHere } from "./source.ts";

export class ClientIdentity {
  /** The session's id. */
  readonly id: string;
  readonly #service: Service;
  #remote: Peer;
  #named: Promise<void> | undefined;
  /** Who it has authenticated as, or "". */
  username = "";
  /** Of the TLS under way; undefined in the clear. */
  tls: OriginTls | undefined;
  #name: ReverseName | undefined;
  #isAnnounced = false;

  constructor(remote: Peer, service: Service) {
    this.id = randomSessionId(service.random);
    this.#service = service;
    this.#remote = remote;
    this.#lookUp();
  }

  /** From now on it is `client`, of whom its peer has said this. */
  assume(remote: Peer, { hostname, isNameless, login }: NamedClient): void {
    this.announce();
    this.#remote = remote;
    this.#name = undefined;
    this.#named = undefined;
    this.username = login ?? "";
    this.#isAnnounced = false;
    if (hostname !== undefined || isNameless)
      this.#learn({ hostname: hostname ?? UNKNOWN_HOSTNAME, fcrdns: "fail" });
    else this.#lookUp();
  }

  #lookUp(): void {
    const { listener, reverseNames } = this.#service;
    const remote = this.#remote;
    // A UNIX-domain peer has no address that DNS could name.
    const name: ReverseName | Promise<ReverseName> =
      remote.kind === "unix"
        ? { hostname: listener.hostname, fcrdns: "pass" }
        : reverseNames.lookup(remote.host);
    if (name instanceof Promise) this.#named = this.#await(name, remote);
    else this.#learn(name);
  }

  /** Resolves when the name is known, or known to stay unknown; undefined if it is already. */
  get named(): Promise<void> | undefined {
    return this.#name === undefined ? this.#named : undefined;
  }

  /** Who it is on this machine, if the system was asked. */
  get localUser(): LocalUser | undefined {
    return this.#remote.kind === "unix" ? this.#remote.user : undefined;
  }

  /** Whether it is a user of ours: has shown who it is, or came to a listener for this machine alone. */
  get isOurs(): boolean {
    return this.username !== "" || comesFromHere(this.#remote, this.#service.listener);
  }

  /** @param helo what the client called itself, or "". */
  origin(helo: string): Origin {
    const isLocal = this.#remote.kind === "unix";
    return {
      kind: isLocal ? "local" : "smtp",
      address: this.#remote.kind === "unix" ? "local" : this.#remote.host,
      hostname: this.#name?.hostname ?? UNKNOWN_HOSTNAME,
      fcrdns: this.#name?.fcrdns ?? "error",
      helo,
      tag: this.#service.listener.tag,
      username: this.username,
      tls: this.tls,
    };
  }

  /** Tells of the connection, if nobody was told yet. */
  announce(): void {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    const { address, hostname } = this.origin("");
    const { localUser } = this;
    this.#service.observe({
      kind: "smtp-connected",
      session: this.id,
      address,
      hostname,
      user: localUser,
    });
  }

  async #await(late: Promise<ReverseName>, remote: Peer): Promise<void> {
    const name = await late;
    // Unless it is another client by now.
    if (remote === this.#remote) this.#learn(name);
  }

  #learn(name: ReverseName): void {
    this.#name = name;
    this.announce();
  }
}
