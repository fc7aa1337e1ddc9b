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
import { found, type Lookup } from "#base/lookup.ts";
import type { Config, LocalAction } from "#model/config/config.ts";
import type { Slice } from "#model/ipc/parent-link.ts";
import { readsForwardFile } from "#policy/expand/forward-rule.ts";
import { compileTable } from "#policy/tables/table-lookup.ts";
import { parseUserinfo } from "#model/table-values.ts";
import { accountOf } from "./account-of.ts";
import type { Child, Destroyable, Pairs } from "./child.ts";
import { DAEMON_USERS } from "./roles.ts";
import { Supervised } from "./supervised.ts";

/** Agents that run at once; the one that was asked for least recently makes room. */
const MAX_AGENTS = 64;
/** How long an agent may finish what it has when it must go. */
const AGENT_GRACE_MS = 30_000;
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
  launch(user: User): Child<End>;
  slice(): Slice;
  warn(text: string): void;
}

interface Agent<End> {
  readonly process: Supervised<End>;
  /** The configuration that it works by. */
  readonly generation: number;
  readonly ready: Promise<string | undefined>;
  lastAskedMs: number;
}

export class Agents<End extends Destroyable> {
  readonly #clock: Clock;
  readonly #users: Users;
  readonly #pairs: Pairs<End>;
  readonly #settings: AgentSettings<End>;
  readonly #agents = new Map<string, Agent<End>>();
  /** Of earlier configurations; they end when their dispatchers have let them go. */
  readonly #retired = new Set<Supervised<End>>();

  constructor(
    ports: { readonly clock: Clock; readonly users: Users },
    pairs: Pairs<End>,
    settings: AgentSettings<End>,
  ) {
    this.#clock = ports.clock;
    this.#users = ports.users;
    this.#pairs = pairs;
    this.#settings = settings;
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
    for (const { process } of this.#agents.values()) this.#retired.add(process);
    this.#agents.clear();
  }

  async stop(graceMs: number): Promise<void> {
    const running = [...this.#agents.values()].map(({ process }) => process);
    await Promise.all([...running, ...this.#retired].map((process) => process.stop(graceMs)));
    this.#agents.clear();
    this.#retired.clear();
  }

  /** "outdated": the configuration has changed meanwhile. */
  async #connect(
    request: AgentRequest,
    dispatcher: Child<End>,
  ): Promise<{ readonly refusal: string } | "outdated" | undefined> {
    const account = await this.#account(request);
    if (typeof account === "string") return { refusal: account };
    const agent = this.#agents.get(account.name) ?? this.#start(account);
    if (agent === undefined) return { refusal: "Too many agents are running" };
    agent.lastAskedMs = this.#clock.monotonicMs();
    const refusal = await agent.ready;
    if (this.#retired.has(agent.process)) return "outdated";
    if (refusal !== undefined) return { refusal };
    const { child } = agent.process;
    if (child === undefined) return { refusal: "The delivery agent is being restarted" };
    const [near, far] = await this.#pairs.pair();
    const { generation } = agent;
    child.handOver({ to: "dispatcher", name: "", generation }, near);
    dispatcher.handOver({ to: "agent", name: account.name, generation }, far);
    return undefined;
  }

  /** The account that the parent's own configuration gives, or a refusal. */
  async #account(request: AgentRequest): Promise<User | string> {
    const action = this.#settings.config().config.actions.get(request.action);
    const needsAgent =
      action !== undefined && (action.kind === "maildir" || readsForwardFile(action));
    if (!needsAgent) return "No such local action";
    const name = action.user ?? request.user;
    if (isDaemonUser(name)) return "Never delivers to a user of the daemon";
    const answer = await this.#look(action, name);
    if (answer.kind === "absent") return "No such user";
    if (answer.kind === "unavailable") return "The user database is unavailable";
    const { uid, gid } = answer.value;
    if (this.#settings.isRoot && (uid === 0 || gid === 0)) return "Never delivers as root";
    if (this.#settings.daemonUids.has(uid)) return "Never delivers to a user of the daemon";
    // Under the name by which a dispatcher waits for its agent.
    return { ...answer.value, name: accountOf(action, answer.value.name) };
  }

  /** In the userbase, unless all is delivered as one user, who is the system's. */
  async #look(action: LocalAction, name: string): Promise<Lookup<User>> {
    const { userbase, user } = action;
    if (userbase === undefined || user !== undefined) return this.#users.lookup(name);
    const delimiter = this.#settings.config().config.subAddressDelimiter;
    const answer = await compileTable(userbase, "userinfo", { delimiter })(name);
    if (answer.kind !== "found") return answer;
    const userinfo = parseUserinfo(answer.value);
    if (userinfo !== undefined) return found({ name, ...userinfo });
    return { kind: "unavailable", cause: new Error(`<${userbase.name}> ${name}: no UID:GID:HOME`) };
  }

  #start(account: User): Agent<End> | undefined {
    if (this.#agents.size >= MAX_AGENTS && !this.#makeRoom()) return undefined;
    const { promise: ready, resolve } = Promise.withResolvers<string | undefined>();
    const process = new Supervised<End>(`agent ${account.name}`, this.#clock, {
      launch: () => this.#settings.launch(account),
      slice: () => this.#settings.slice(),
    });
    const forget = (): void => {
      this.#retired.delete(process);
      if (this.#agents.get(account.name)?.process === process) this.#agents.delete(account.name);
      void process.stop(0);
    };
    process.start({
      ready: () => resolve(undefined),
      // An agent that nobody has used for a while goes by itself.
      message: (message) => {
        if (message.kind === "stopped") forget();
      },
      down: (how) => {
        this.#settings.warn(`${process.name} ${how}`);
        resolve("The delivery agent could not be started");
        forget();
      },
      cannotStart: (why) => {
        this.#settings.warn(`${process.name}: ${why}`);
        resolve("The delivery agent could not be started");
        forget();
      },
    });
    const { generation } = this.#settings.config();
    const lastAskedMs = this.#clock.monotonicMs();
    const agent: Agent<End> = { process, generation, ready, lastAskedMs };
    this.#agents.set(account.name, agent);
    return agent;
  }

  #makeRoom(): boolean {
    let oldest: [string, Agent<End>] | undefined;
    for (const entry of this.#agents) {
      if (oldest === undefined || entry[1].lastAskedMs < oldest[1].lastAskedMs) oldest = entry;
    }
    if (oldest === undefined) return false;
    this.#agents.delete(oldest[0]);
    void oldest[1].process.stop(AGENT_GRACE_MS);
    return true;
  }
}

function isDaemonUser(name: string): boolean {
  return name === "root" || DAEMON_USERS.includes(name);
}
