/**
 * The parent's agents: one process for each account that mail is delivered as.
 *
 * This is the safety net of local delivery. A dispatcher names an action and a
 * user, nothing else; the action is looked up in the parent's own configuration,
 * the account in the action's userbase or the system's user database, and uid 0,
 * gid 0 and the daemon's own users are refused, whatever the dispatcher says.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { User, Users } from "#base/ports/users.ts";
import type { Config } from "#model/config/config.ts";
import { DAEMON_USERS } from "#model/daemon-users.ts";
import type { Slice } from "#model/ipc/parent-link.ts";
import { deliveryAccount } from "#policy/expand/delivery-account.ts";
import { readsForwardFile } from "#policy/expand/forward-rule.ts";
import { accountOf } from "./account-of.ts";
import { AgentPool } from "./agent-pool.ts";
import type { Child, Destroyable } from "./child.ts";
import type { Joins } from "./joins.ts";

/** A configuration may change under a request this often before it is refused. */
const MAX_CONNECT_TRIES = 3;

export interface AgentRequest {
  readonly action: string;
  readonly user: string;
}

/** What the parent lends: how to start an agent for an account. */
export interface AgentSettings<End> {
  /** The configuration that is in use. */
  config(): { readonly config: Config; readonly generation: number };
  /** Without root every agent runs as the parent's own user. */
  readonly isRoot: boolean;
  /** Numbers of the users that the daemon's processes run as: they may have other names too. */
  readonly daemonUids: ReadonlySet<number>;
  /** How many may run now. */
  maxAgents(): number;
  launch(user: User): Child<End>;
  slice(): Slice;
  warn(text: string): void;
}

export class Agents<End extends Destroyable> {
  readonly #users: Users;
  readonly #joins: Joins<End>;
  readonly #settings: AgentSettings<End>;
  readonly #pool: AgentPool<End>;

  constructor(
    ports: { readonly clock: Clock; readonly users: Users },
    joins: Joins<End>,
    settings: AgentSettings<End>,
  ) {
    this.#users = ports.users;
    this.#joins = joins;
    this.#settings = settings;
    this.#pool = new AgentPool(ports.clock, {
      maxAgents: () => settings.maxAgents(),
      launch: (user) => settings.launch(user),
      slice: () => settings.slice(),
      message: (message) => {
        if (message.kind === "joined") joins.arrived(message.number);
      },
      warn: (text) => settings.warn(text),
    });
  }

  /** Hands `dispatcher` a socket to the agent for this delivery, or says why not. */
  async connect(request: AgentRequest, dispatcher: Child<End>): Promise<string | undefined> {
    for (let round = 0; round < MAX_CONNECT_TRIES; round++) {
      const outcome = await this.#connect(request, dispatcher);
      if (outcome !== "outdated") return outcome?.refusal;
    }
    return "The configuration is changing";
  }

  /** Under another configuration every account gets another agent. */
  takeUp(): void {
    this.#pool.retire();
  }

  stop(graceMs: number): Promise<void> {
    return this.#pool.stop(graceMs);
  }

  /** "outdated": the configuration has changed meanwhile. */
  async #connect(
    request: AgentRequest,
    dispatcher: Child<End>,
  ): Promise<{ readonly refusal: string } | "outdated" | undefined> {
    const account = await this.#account(request);
    if (typeof account === "string") return { refusal: account };
    const agent = this.#pool.agentOf(account, this.#settings.config().generation);
    if (agent === undefined) return { refusal: "Too many deliveries wait for an agent" };
    const { generation } = agent;
    const refusal = await agent.ready;
    if (this.#settings.config().generation !== generation) return "outdated";
    if (refusal !== undefined) return { refusal };
    const { child } = agent.process;
    if (child === undefined) return { refusal: "The delivery agent is being restarted" };
    this.#pool.used(account.name);
    const fault = await this.#joins.join(
      { child, handover: () => ({ to: "dispatcher", name: "", generation }) },
      { child: dispatcher, handover: () => ({ to: "agent", name: account.name, generation }) },
    );
    return fault === undefined ? undefined : { refusal: `No way to the delivery agent: ${fault}` };
  }

  /** The account that the parent's own configuration gives, or a refusal. */
  async #account(request: AgentRequest): Promise<User | string> {
    const action = this.#settings.config().config.actions.get(request.action);
    const needsAgent =
      action !== undefined && (action.kind === "maildir" || readsForwardFile(action));
    if (!needsAgent) return "No such local action";
    const name = action.user ?? request.user;
    if (isDaemonUser(name)) return "Never delivers to a user of the daemon";
    const { subAddressDelimiter } = this.#settings.config().config;
    const sources = { users: this.#users, subAddressDelimiter };
    const answer = await deliveryAccount(action, request.user, sources);
    if (answer.kind === "absent") return "No such user";
    if (answer.kind === "unavailable") return "The user database is unavailable";
    const { uid, gid } = answer.value;
    if (this.#settings.isRoot && (uid === 0 || gid === 0)) return "Never delivers as root";
    if (this.#settings.daemonUids.has(uid)) return "Never delivers to a user of the daemon";
    // Under the name by which a dispatcher waits for its agent.
    return { ...answer.value, name: accountOf(action, answer.value.name) };
  }
}

function isDaemonUser(name: string): boolean {
  return name === "root" || DAEMON_USERS.includes(name);
}
