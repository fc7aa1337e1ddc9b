/**
 * The processes of the parent's agents: one for each account that mail is delivered as,
 * and no more at once than there are descriptors for.
 *
 * Who finds no place waits for one. The agent that was asked for least recently makes
 * room, once it has been there for a moment; those that are asked to end, and those of
 * earlier configurations, have their places until they are gone.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { User } from "#base/ports/users.ts";
import type { ChildToParent, Slice } from "#model/ipc/parent-link.ts";
import type { Child } from "./child.ts";
import { Supervised } from "./supervised.ts";

/** Agents at once, where there are descriptors for them. */
const MAX_AGENTS = 128;
/**
 * What the parent may come to need besides what it has open: three pipes for each of four look-ups
 * of users and of four that hand in offline mail, ten for a moment while a program is started, and a few.
 */
const SPARE_DESCRIPTORS = 40;
/** Of the parent for each child: two channels, and two pipes for its log. */
const DESCRIPTORS_PER_CHILD = 4;

/** How long an agent may finish what it has when it must go: it ends its commands a little before (agent.ts). */
export const AGENT_GRACE_MS = 30_000;
/** An agent that was just handed to a dispatcher is left the time to be given something. */
const MIN_STAY_MS = 500;
/** Accounts that wait for a place, and for how long: dispatchers wait for an agent a little longer. */
const MAX_WAITING = 1_000;
const WAIT_TIMEOUT_MS = 50_000;

const NOT_STARTED = "The delivery agent could not be started";

/** What the parent's descriptors are for. */
export interface ParentDescriptors {
  /** That it may have (RLIMIT_NOFILE). */
  readonly max: number;
  /** That it has now, those of agents among them. */
  readonly open: number;
  /** Agents that run now. */
  readonly agents: number;
  /** Other processes that do not run now, and will be started again. */
  readonly missing: number;
}

/** How many agents may run, those that do among them: one at least. */
export function maxAgentsFor({ max, open, agents, missing }: ParentDescriptors): number {
  const left = max - open - SPARE_DESCRIPTORS - DESCRIPTORS_PER_CHILD * missing;
  const most = agents + Math.floor(left / DESCRIPTORS_PER_CHILD);
  return Math.max(1, Math.min(MAX_AGENTS, most));
}

/** How agents are started, and what becomes of them. */
export interface AgentPoolOwner<End> {
  /** How many may run now. */
  maxAgents(): number;
  launch(user: User): Child<End>;
  slice(): Slice;
  /** What an agent says, but for that it has stopped. */
  message(message: ChildToParent, agent: PooledAgent<End>): void;
  /** It has ended, and whatever it did. */
  gone(agent: PooledAgent<End>): void;
  warn(text: string): void;
}

export interface PooledAgent<End> {
  readonly account: User;
  readonly process: Supervised<End>;
  /** The configuration that it works by. */
  readonly generation: number;
  /** Resolves when it runs, or with why it never will. */
  readonly ready: Promise<string | undefined>;
}

interface Agent<End> extends PooledAgent<End> {
  readonly settle: (refusal: string | undefined) => void;
  readonly cancelWait: () => void;
  state: "waiting" | "starting" | "running" | "ending";
  lastAskedMs: number;
}

export class AgentPool<End> {
  readonly #clock: Clock;
  readonly #owner: AgentPoolOwner<End>;
  /** Of the configuration in use, by the name of their account. */
  readonly #current = new Map<string, Agent<End>>();
  /** Those that have a place, whatever they work by. */
  readonly #placed = new Set<Agent<End>>();
  #line: Agent<End>[] = [];
  #cancelLook: (() => void) | undefined;

  constructor(clock: Clock, owner: AgentPoolOwner<End>) {
    this.#clock = clock;
    this.#owner = owner;
  }

  /** How many have a place. */
  get size(): number {
    return this.#placed.size;
  }

  /** The agent of `account`, which may be started for that; undefined: too many wait. */
  agentOf(account: User, generation: number): PooledAgent<End> | undefined {
    const agent = this.#current.get(account.name) ?? this.#enter(account, generation);
    if (agent !== undefined) this.used(account.name);
    return agent;
  }

  /** The agent of this account is wanted, and stays for a moment at least. */
  used(account: string): void {
    const agent = this.#current.get(account);
    if (agent !== undefined) agent.lastAskedMs = this.#clock.monotonicMs();
  }

  /** It is of no use any more: its account gets another, when this one is gone. */
  dismiss(agent: PooledAgent<End>): void {
    for (const placed of this.#placed) if (placed === agent) this.#end(placed, AGENT_GRACE_MS);
  }

  /** From now on every account gets another agent. */
  retire(): void {
    this.#dismissLine("The configuration has changed");
    this.#current.clear();
  }

  async stop(graceMs: number): Promise<void> {
    this.#cancelLook?.();
    this.#dismissLine("The daemon is stopping");
    this.#current.clear();
    const stopping = [...this.#placed].map(async (agent) => {
      await agent.process.stop(graceMs);
      this.#owner.gone(agent);
    });
    await Promise.all(stopping);
    this.#placed.clear();
  }

  #enter(account: User, generation: number): Agent<End> | undefined {
    if (this.#line.length >= MAX_WAITING) return undefined;
    const { promise: ready, resolve: settle } = Promise.withResolvers<string | undefined>();
    const agent: Agent<End> = {
      account,
      generation,
      ready,
      settle,
      process: new Supervised<End>(`agent ${account.name}`, this.#clock, {
        launch: () => this.#owner.launch(account),
        slice: () => this.#owner.slice(),
      }),
      cancelWait: this.#clock.after(WAIT_TIMEOUT_MS, () => this.#giveUp(agent)),
      state: "waiting",
      lastAskedMs: this.#clock.monotonicMs(),
    };
    this.#current.set(account.name, agent);
    this.#line.push(agent);
    this.#fillPlaces();
    return agent;
  }

  #giveUp(agent: Agent<End>): void {
    this.#line = this.#line.filter((each) => each !== agent);
    this.#forget(agent);
    agent.settle("No place for another delivery agent");
  }

  #dismissLine(why: string): void {
    for (const { cancelWait, settle } of this.#line.splice(0)) {
      cancelWait();
      settle(why);
    }
  }

  #forget(agent: Agent<End>): void {
    const { name } = agent.account;
    if (this.#current.get(name) === agent) this.#current.delete(name);
  }

  #fillPlaces(): void {
    const max = this.#owner.maxAgents();
    while (this.#placed.size < max) {
      const next = this.#line.shift();
      if (next === undefined) return;
      this.#start(next);
    }
    this.#makeRoom();
  }

  /** Asks as many agents to end as others wait, those first that nobody has asked for since long. */
  #makeRoom(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    const placed = [...this.#placed];
    const ending = placed.filter(({ state }) => state === "ending").length;
    const going = placed
      .filter(({ state }) => state === "running")
      .toSorted((one, other) => one.lastAskedMs - other.lastAskedMs)
      .slice(0, Math.max(0, this.#line.length - ending));
    const nowMs = this.#clock.monotonicMs();
    for (const agent of going) {
      const staysMs = agent.lastAskedMs + MIN_STAY_MS - nowMs;
      if (staysMs > 0) {
        this.#cancelLook = this.#clock.after(staysMs, () => this.#makeRoom());
        return;
      }
      this.#end(agent, AGENT_GRACE_MS);
    }
  }

  #start(agent: Agent<End>): void {
    const { process, cancelWait, settle } = agent;
    cancelWait();
    agent.state = "starting";
    this.#placed.add(agent);
    const fails = (text: string): void => {
      this.#owner.warn(text);
      settle(NOT_STARTED);
      this.#end(agent, 0);
    };
    process.start({
      ready: () => {
        agent.state = "running";
        // Only now those who asked for it are served, however long it took.
        agent.lastAskedMs = this.#clock.monotonicMs();
        settle(undefined);
        this.#fillPlaces();
      },
      message: (message) => {
        // An agent that nobody has used for a while goes by itself.
        if (message.kind === "stopped") this.#end(agent, 0);
        else this.#owner.message(message, agent);
      },
      down: (how) => fails(`${process.name} ${how}`),
      cannotStart: (why) => fails(`${process.name}: ${why}`),
    });
  }

  #end(agent: Agent<End>, graceMs: number): void {
    if (agent.state === "ending") return;
    agent.state = "ending";
    this.#forget(agent);
    void this.#leave(agent, graceMs);
  }

  async #leave(agent: Agent<End>, graceMs: number): Promise<void> {
    await agent.process.stop(graceMs);
    this.#owner.gone(agent);
    this.#placed.delete(agent);
    this.#fillPlaces();
  }
}
