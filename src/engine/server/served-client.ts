/**
 * The client as it is served: what it has come to be in the course of its session, and
 * the rules that follow from it.
 *
 * They change with the handshake (RFC 3207 §4.2: who it was in the clear, it must show
 * again), with AUTH, and with XCLIENT, after which it is another client.
 */
import { type Endpoint, nameOfUser, type Peer } from "#base/endpoint.ts";
import type { TlsFacts } from "#base/ports/tls.ts";
import type { ServiceRules } from "#protocols/smtp/service.ts";
import type { NamedClient } from "#protocols/smtp/xclient.ts";
import type { RecipientQuery } from "#model/resolution.ts";
import type { Protection } from "./auth-offer.ts";
import { ClientIdentity } from "./client-identity.ts";
import { type Patience, PATIENT } from "./limits.ts";
import { type Service, serviceRules } from "./service.ts";
import type { SessionEnds } from "./session-ends.ts";
import { originTls } from "./session-tls.ts";
import { isLocal, userOf } from "./source.ts";

export class ServedClient {
  readonly identity: ClientIdentity;
  readonly #service: Service;
  #ends: SessionEnds;
  #rules: ServiceRules;
  #tls: TlsFacts | undefined;

  constructor(ends: SessionEnds, service: Service) {
    this.#service = service;
    this.#ends = ends;
    this.identity = new ClientIdentity(ends.remote, service);
    const { assumedTls } = service;
    if (assumedTls !== undefined) this.#keepTls(assumedTls);
    this.identity.username = this.#shownUser();
    this.#rules = this.#newRules();
  }

  /** By which the machine serves it now. */
  get rules(): ServiceRules {
    return this.#rules;
  }

  /** Of the TLS under way; undefined in the clear. */
  get tls(): TlsFacts | undefined {
    return this.#tls;
  }

  /** How a password of it would be protected. AUTH in the clear is only offered on this machine. */
  get protection(): Protection {
    return this.#tls ?? "local";
  }

  get via(): RecipientQuery["via"] {
    return this.#ends.remote.kind === "unix" ? "socket" : "tcp";
  }

  /** The user of this machine that it is, by whom it is counted. */
  get localUser(): string | undefined {
    return userOf(this.#ends.remote);
  }

  /** Whether it is pressed last. */
  get isFavoured(): boolean {
    return isLocal(this.#ends.remote) || this.#rules.auth.user !== "";
  }

  get patience(): Patience {
    return this.isFavoured ? PATIENT : this.#service.pressure.patience;
  }

  /** The handshake has come to `facts`: who it was in the clear, it must show again. */
  secured(facts: TlsFacts): void {
    this.#keepTls(facts);
    this.authenticated(this.#shownUser());
  }

  /** It has shown to be `user`; "": nobody. */
  authenticated(user: string): void {
    this.identity.username = user;
    this.#rules = this.#newRules();
  }

  /** It is `client` from now on, for whom its peer speaks. */
  assume(client: NamedClient): void {
    const { address, port, localAddress, localPort } = client;
    const { remote, local } = this.#ends;
    this.#ends = {
      ...this.#ends,
      remote: movedEnd(remote, address, port),
      local: movedEnd(local, localAddress, localPort),
    };
    this.identity.assume(this.#ends.remote, client);
    this.#rules = this.#newRules();
  }

  /**
   * Who it is without a word: on a UNIX-domain socket the system says so. A listener with
   * `auth` asks for more.
   */
  #shownUser(): string {
    const { assumedUser, listener } = this.#service;
    if (assumedUser !== undefined && assumedUser !== "") return assumedUser;
    const { remote } = this.#ends;
    if (remote.kind !== "unix" || remote.user === undefined) return "";
    return listener.auth.mode === "none" ? nameOfUser(remote.user) : "";
  }

  #keepTls(facts: TlsFacts): void {
    this.#tls = facts;
    this.identity.tls = originTls(facts);
  }

  #newRules(): ServiceRules {
    const { isOurs, username: user } = this.identity;
    return serviceRules(this.#ends, this.#service, { tls: this.#tls, user, isOurs });
  }
}

/** `end` with another address and port, as far as they are said. */
function movedEnd<End extends Endpoint | Peer>(
  end: End,
  host: string | undefined,
  port: number | undefined,
): End {
  if (end.kind === "unix") return end;
  return { ...end, host: host ?? end.host, port: port ?? end.port };
}
