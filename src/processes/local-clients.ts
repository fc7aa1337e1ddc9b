/**
 * Clients of UNIX-domain sockets on their way through the parent: from local, which has
 * asked the system who they are, to a dispatcher, with the name of that user.
 *
 * The parent looks at no byte of theirs. A listener that the configuration does not have
 * gets no client. Whoever comes while no dispatcher runs waits for one. So many may be on
 * their way; until there is room again local gets no answer, and hands on nobody.
 */
import type { LocalUser } from "#base/endpoint.ts";
import { formatEndpoint } from "#base/endpoint.ts";
import { found } from "#base/lookup.ts";
import type { UsersByUid } from "#base/ports/users.ts";
import type { Config } from "#model/config/config.ts";
import type { Child, Destroyable, PassedClient } from "./child.ts";

/** Each has a descriptor of the parent. */
const MAX_ON_THEIR_WAY = 64;

export interface LocalClientsOwner<End extends Destroyable> {
  /** In use. */
  config(): Config;
  /** Those that accept clients. */
  dispatchers(): readonly Child<End>[];
}

interface NamedClient {
  readonly client: PassedClient;
  readonly user: LocalUser | undefined;
}

export class LocalClients<End extends Destroyable> {
  readonly #users: UsersByUid;
  readonly #owner: LocalClientsOwner<End>;
  /** For a dispatcher. */
  readonly #waiting: NamedClient[] = [];
  #onTheirWay = 0;
  #turn = 0;
  #room: PromiseWithResolvers<void> | undefined;
  #state: "open" | "closed" = "open";

  constructor(users: UsersByUid, owner: LocalClientsOwner<End>) {
    this.#users = users;
    this.#owner = owner;
  }

  /** Takes a client; resolves when there is room for another. */
  async take(client: PassedClient): Promise<void> {
    this.#onTheirWay++;
    void this.#name(client);
    while (this.#onTheirWay >= MAX_ON_THEIR_WAY) {
      this.#room ??= Promise.withResolvers();
      await this.#room.promise;
    }
  }

  /** A dispatcher accepts clients. */
  dispatcherListens(): void {
    for (const named of this.#waiting.splice(0)) this.#handOn(named);
  }

  /** No dispatcher will run any more. */
  close(): void {
    this.#state = "closed";
    for (const { client } of this.#waiting.splice(0)) this.#drop(client);
  }

  async #name(client: PassedClient): Promise<void> {
    const { uid, endpoint } = client;
    const user = uid === undefined ? undefined : await this.#userOf(uid);
    const isOurs = this.#owner
      .config()
      .listeners.some((listener) => formatEndpoint(listener.endpoint) === endpoint);
    if (isOurs) this.#handOn({ client, user });
    else this.#drop(client);
  }

  async #userOf(uid: number): Promise<LocalUser> {
    const user = await this.#users.lookupUid(uid);
    return { uid, name: user.kind === "found" ? found(user.value.name) : user };
  }

  #handOn(named: NamedClient): void {
    if (this.#state === "closed") {
      this.#drop(named.client);
      return;
    }
    const dispatchers = this.#owner.dispatchers();
    const next = dispatchers[this.#turn++ % Math.max(dispatchers.length, 1)];
    if (next === undefined) this.#waiting.push(named);
    else void next.handOverClient(named.client, named.user).then(() => this.#left());
  }

  #drop(client: PassedClient): void {
    client.destroy();
    this.#left();
  }

  #left(): void {
    this.#onTheirWay--;
    this.#room?.resolve();
    this.#room = undefined;
  }
}
