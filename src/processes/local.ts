/**
 * local: says who the clients of UNIX-domain sockets are.
 *
 * Runs as: `_smtpe`, without the network and without a right to any file but its sources.
 * Holds: the listening sockets of that kind; of the configuration, where they are. Talks to:
 * the parent alone, to which it hands each client with its uid (SO_PEERCRED), and which hands
 * it on to a dispatcher. It reads no byte of a client. When it dies, sessions go on, and who
 * connects meanwhile waits in the backlog of the socket.
 *
 * Each user has a part of those that wait to be handed on, and a rate: the parent works for
 * each of them. Beyond that a client is told 421. Limits: names and numbers are those of
 * docs/security.md; they are the same for root, whose programs may be stuck in a loop too.
 */
import type { LocalClient, LocalDoor } from "#base/ports/local-door.ts";
import { SourceCounts } from "#engine/server/source-counts.ts";
import { SourceRates } from "#engine/server/source-rates.ts";
import { SeldomTold } from "#engine/server/seldom-told.ts";
import type { ParentToChild } from "#model/ipc/parent-link.ts";
import type { AdmissionLimit } from "#model/limit-name.ts";
import { NONE_STRANDED } from "#model/stranded.ts";
import { OpenListeners } from "./open-listeners.ts";
import type { NextConfig, Prepared, RoleSetting, RunningRole, StartRole } from "./role.ts";

/** Clients that wait to be handed on: of all users, and of each. */
const MAX_WAITING = 256;
const MAX_WAITING_OF_USER = 64;
/** New clients of one user: so many each second, after so many at once. */
const CLIENTS_PER_SECOND = 100;
const CLIENT_BURST = 1000;

const TOO_MANY = "421 4.3.2 Too many connections\r\n";

/** The role at the door `door`; the string says why there is none. */
export function localRole(openDoor: () => Promise<LocalDoor | string>): StartRole {
  return async (setting) => {
    const door = await openDoor();
    if (typeof door === "string") return door;
    const local = new Local(setting, door);
    const fault = await local.open();
    return fault ?? local;
  };
}

class Local implements RunningRole {
  readonly #setting: RoleSetting;
  readonly #listeners: OpenListeners<LocalClient>;
  readonly #waiting: LocalClient[] = [];
  readonly #waitingOfUsers = new SourceCounts();
  readonly #rates = new SourceRates(CLIENTS_PER_SECOND, CLIENT_BURST);
  readonly #told: SeldomTold<AdmissionLimit>;
  #isPassing = false;

  constructor(setting: RoleSetting, door: LocalDoor) {
    this.#setting = setting;
    this.#told = new SeldomTold(setting.ports.clock);
    this.#listeners = new OpenListeners(door, (client) => this.#accept(client));
  }

  /** Clients may come from now on: they wait at the parent for dispatchers. */
  async open(): Promise<string | undefined> {
    const opening = await this.#listeners.prepare(socketsOf(this.#setting.config));
    if (typeof opening === "string") return opening;
    opening.takeUp();
    return undefined;
  }

  async prepare({ config, generation }: NextConfig): Promise<Prepared | string> {
    const listeners = socketsOf(config);
    const missing = this.#listeners.missing(listeners);
    await this.#setting.ports.arrived(
      missing.map(({ endpoint }) => endpoint),
      generation,
    );
    const opening = await this.#listeners.prepare(listeners);
    if (typeof opening === "string") return opening;
    return {
      takeUp: () => {
        opening.takeUp();
        return NONE_STRANDED;
      },
      abandon: () => opening.abandon(),
    };
  }

  joined(sibling: Parameters<RunningRole["joined"]>[0]): void {
    sibling.refuse();
  }

  parentSays(message: ParentToChild): void {
    const { parent, observer } = this.#setting;
    if (message.kind === "counters-wanted") {
      const counters = observer.counters();
      parent.send({ kind: "counters", request: message.request, counters });
    } else if (message.kind === "shutdown") {
      for (const client of this.#waiting.splice(0)) client.destroy();
      parent.send({ kind: "stopped" });
      this.#setting.end();
    }
  }

  #accept(client: LocalClient): void {
    const limit = this.#limitOf(client);
    if (limit === undefined) {
      this.#waiting.push(client);
      void this.#passOn();
      return;
    }
    client.turnAway(TOO_MANY);
    this.#told.add(limit, `local:${userOf(client)}`, (address, clients) =>
      this.#setting.observer.observe({ kind: "smtp-turned-away", limit, address, clients }),
    );
  }

  #limitOf(client: LocalClient): AdmissionLimit | undefined {
    const user = userOf(client);
    if (!this.#rates.take(user, this.#setting.ports.clock.monotonicMs())) return "connection-rate";
    if (this.#waiting.length >= MAX_WAITING) return "sessions";
    return this.#waitingOfUsers.enter(user, MAX_WAITING_OF_USER) ? undefined : "sessions-per-user";
  }

  async #passOn(): Promise<void> {
    if (this.#isPassing) return;
    this.#isPassing = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#waitingOfUsers.leave(userOf(next));
      await next.pass();
    }
    this.#isPassing = false;
  }
}

function userOf({ uid }: LocalClient): string {
  return uid === undefined ? "" : `uid=${uid}`;
}

function socketsOf({ listeners }: NextConfig["config"]): NextConfig["config"]["listeners"] {
  return listeners.filter(({ endpoint }) => endpoint.kind === "unix");
}
