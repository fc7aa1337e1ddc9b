/**
 * The parent's agents: one process for each account that mail is delivered as.
 *
 * This is the safety net of local delivery. A dispatcher names an action and a
 * user, nothing else; as whom that is, if anyone, is the parent's own to say
 * (delivery-accounts.ts). What an agent may then do is asked for each delivery (warrants.ts).
 */
import type { Clock } from "#base/ports/clock.ts";
import type { User } from "#base/ports/users.ts";
import type { ChildToParent, Slice } from "#model/ipc/parent-link.ts";
import { AgentPool, type PooledAgent } from "./agent-pool.ts";
import type { Child, Destroyable } from "./child.ts";
import type { AccountRequest, DeliveryAccounts } from "./delivery-accounts.ts";
import type { Joins } from "./joins.ts";

/** A configuration may change under a request this often before it is refused. */
const MAX_CONNECT_TRIES = 3;

/** What the parent lends: how to start an agent for an account. */
export interface AgentSettings<End> {
  /** The number of the configuration that is in use. */
  generation(): number;
  /** How many may run now. */
  maxAgents(): number;
  launch(user: User): Child<End>;
  slice(): Slice;
  /** What an agent says about its deliveries. */
  says(message: ChildToParent, agent: PooledAgent<End>): void;
  gone(agent: PooledAgent<End>): void;
  warn(text: string): void;
  /** Somebody has asked for what no configuration leads to. */
  alert(text: string): void;
}

export class Agents<End extends Destroyable> {
  readonly #accounts: DeliveryAccounts;
  readonly #joins: Joins<End>;
  readonly #settings: AgentSettings<End>;
  readonly #pool: AgentPool<End>;

  constructor(
    { clock, accounts }: { readonly clock: Clock; readonly accounts: DeliveryAccounts },
    joins: Joins<End>,
    settings: AgentSettings<End>,
  ) {
    this.#accounts = accounts;
    this.#joins = joins;
    this.#settings = settings;
    this.#pool = new AgentPool(clock, {
      maxAgents: () => settings.maxAgents(),
      launch: (user) => settings.launch(user),
      slice: () => settings.slice(),
      message: (message, agent) => {
        if (message.kind === "joined") joins.arrived(message.number);
        else settings.says(message, agent);
      },
      gone: (agent) => settings.gone(agent),
      warn: (text) => settings.warn(text),
    });
  }

  /** Hands `dispatcher` a socket to the agent for this delivery, or says why not. */
  async connect(request: AccountRequest, dispatcher: Child<End>): Promise<string | undefined> {
    for (let round = 0; round < MAX_CONNECT_TRIES; round++) {
      const outcome = await this.#connect(request, dispatcher);
      if (outcome !== "outdated") return outcome?.refusal;
    }
    return "The configuration is changing";
  }

  /** How many run, start or end. */
  get size(): number {
    return this.#pool.size;
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
    request: AccountRequest,
    dispatcher: Child<End>,
  ): Promise<{ readonly refusal: string } | "outdated" | undefined> {
    const found = await this.#accounts.find(request);
    if (found.kind === "forbidden") this.#alert(request, found.why);
    if (found.kind !== "account") return { refusal: found.why };
    const { account } = found;
    const agent = this.#pool.agentOf(account, this.#settings.generation());
    if (agent === undefined) return { refusal: "Too many deliveries wait for an agent" };
    const { generation } = agent;
    const refusal = await agent.ready;
    if (this.#settings.generation() !== generation) return "outdated";
    if (refusal !== undefined) return { refusal };
    const { child } = agent.process;
    if (child === undefined) return { refusal: "The delivery agent is being restarted" };
    this.#pool.used(account.name);
    const fault = await this.#joins.join(
      { child, handover: () => ({ to: "dispatcher", name: "", generation }) },
      { child: dispatcher, handover: () => ({ to: "agent", name: account.name, generation }) },
    );
    if (fault === undefined) return undefined;
    // One that takes no socket is stuck, or was stopped by its user; what it is handed stays here.
    if (fault.child === child) this.#pool.dismiss(agent);
    return { refusal: `No way to the delivery agent: ${fault.why}` };
  }

  #alert({ action, user }: AccountRequest, why: string): void {
    const what = `action ${JSON.stringify(action)}, user ${JSON.stringify(user)}`;
    this.#settings.alert(`a delivery agent was refused: ${why} (${what})`);
  }
}
