/**
 * What a dispatcher needs of agents: finds that of the account, through the parent,
 * and gives it a delivery, or asks it for the account's forward file.
 *
 * One socket to each agent is kept while it is used; an agent that goes away is
 * asked for once more before the delivery is deferred. One that does not answer in the time
 * that an honest one may need is let go of: its user can stop it, and so could keep what all
 * local deliveries share. Under another configuration the
 * agents are others: those that were finish what they have and are let go.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Config } from "#model/config/config.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { ForwardFile, ForwardFiles } from "#model/forward-file.ts";
import type { AgentReply, AgentRequest } from "#model/ipc/forward-link.ts";
import { accountOf } from "./account-of.ts";
import { AttemptSender, deferAll } from "./attempt-sender.ts";
import type { Link } from "./channel.ts";
import { ForwardAsker } from "./forward-asker.ts";

/** An agent that cannot be had by then: the delivery is deferred. */
const AGENT_TIMEOUT_MS = 60_000;
/** A socket to an agent that was idle this long is closed; the agent may then end. */
const AGENT_IDLE_MS = 60_000;

/** An agent may end just when it is needed: then another is asked for. */
const MAX_AGENT_TRIES = 2;
const GONE = "The delivery agent went away";
const TOO_LATE = "The delivery agent did not answer in time";

/** For each recipient: a command has 5 minutes (engine/delivery/command.ts), a lock and a warrant half of one each. */
const ANSWER_TIMEOUT_MS: number = 10 * 60_000;
/** A server in the home has the time that SMTP gives it (engine/client/client-timeouts.ts). */
const LMTP_TIMEOUT_MS: number = 30 * 60_000;

type AgentLink = Link<AgentReply, AgentRequest>;

/** An agent, as it is used. */
interface Agent {
  readonly kind: "agent";
  readonly sender: AttemptSender;
  readonly forwards: ForwardAsker;
  /** Of its attempts under way: until when it may take, on the monotonic clock. */
  readonly deadlines: Set<{ readonly atMs: number }>;
}

type Answer = Agent | Refused;

interface Refused {
  readonly kind: "refused";
  readonly why: string;
}

interface Slot {
  /** What was asked for. */
  readonly action: string;
  readonly user: string;
  readonly agent: Promise<Answer>;
  readonly resolve: (answer: Answer) => void;
  /** "retired": nothing more is given to it. */
  state: "asked" | "linked" | "retired";
  lastUsedMs: number;
}

export interface AgentTerms {
  readonly config: Config;
  /** An agent of an earlier configuration is not taken. */
  readonly generation: number;
}

/** An agent that the parent hands over a socket to. */
export interface AgentAt {
  /** Its account. */
  readonly name: string;
  readonly generation: number;
}

/** Asks the parent for an agent; the answer comes by `linked` or `refused`. */
export type AskForAgent = (action: string, user: string) => void;

export class AgentCarrier implements Carrier, ForwardFiles {
  readonly #clock: Clock;
  readonly #ask: AskForAgent;
  /** By account. */
  readonly #slots = new Map<string, Slot>();
  #terms: AgentTerms;

  constructor(clock: Clock, terms: AgentTerms, ask: AskForAgent) {
    this.#clock = clock;
    this.#terms = terms;
    this.#ask = ask;
  }

  /** Nothing more is given to the agents that there are. */
  takeUp(terms: AgentTerms): void {
    this.#terms = terms;
    for (const [account, slot] of this.#slots) {
      if (slot.state !== "linked") continue;
      slot.state = "retired";
      this.#slots.delete(account);
    }
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const [envelope] = task.envelopes;
    if (envelope?.transport.kind !== "mda") return deferAll(task, "4.3.5", "Not a local delivery");
    const { action, transport } = envelope;
    const agent = await this.#agent(action, transport.user);
    if (agent.kind === "refused") return deferAll(task, "4.3.0", agent.why);
    const deadline = { atMs: this.#clock.monotonicMs() + this.#patienceMs(task) };
    agent.deadlines.add(deadline);
    const results = await agent.sender.attempt(task);
    agent.deadlines.delete(deadline);
    return results;
  }

  async read(action: string, user: string): Promise<ForwardFile> {
    const agent = await this.#agent(action, user);
    if (agent.kind === "refused") return { kind: "unavailable", why: agent.why };
    return agent.forwards.read(action, user);
  }

  /** The parent handed over a socket to the agent of `account`. */
  linked({ name: account, generation }: AgentAt, link: AgentLink): void {
    const slot = this.#slots.get(account);
    // An answer that came after it was waited for: another question was answered since.
    if (slot?.state !== "asked") {
      link.destroy();
      return;
    }
    if (generation < this.#terms.generation) {
      link.destroy();
      this.#ask(slot.action, slot.user);
      return;
    }
    slot.state = "linked";
    const sender = new AttemptSender(link);
    const forwards = new ForwardAsker(this.#clock, (question) => link.send(question));
    link.start({
      message(reply) {
        if (reply.kind === "forward-file") forwards.answered(reply);
        else sender.reply(reply);
      },
      drained: () => sender.drained(),
      closed: () => {
        if (this.#slots.get(account) === slot) this.#slots.delete(account);
        sender.lost(GONE);
        forwards.lost(GONE);
      },
    });
    const agent = {
      kind: "agent",
      sender,
      forwards,
      deadlines: new Set<{ readonly atMs: number }>(),
    } as const;
    slot.resolve(agent);
    this.#watch(account, slot, { link, agent });
  }

  refused(action: string, user: string, why: string): void {
    const account = this.accountOf(action, user);
    const slot = this.#slots.get(account);
    if (slot?.state !== "asked") return;
    this.#slots.delete(account);
    slot.resolve({ kind: "refused", why });
  }

  /** Of a delivery, and of a forward file: the name under which the parent hands over its agent. */
  accountOf(action: string, user: string): string {
    return accountOf(this.#terms.config.actions.get(action), user);
  }

  async #agent(action: string, user: string): Promise<Answer> {
    const account = this.accountOf(action, user);
    for (let round = 0; round < MAX_AGENT_TRIES; round++) {
      const slot = this.#slots.get(account) ?? this.#open(account, action, user);
      const answer = await slot.agent;
      if (answer.kind === "refused") return answer;
      slot.lastUsedMs = this.#clock.monotonicMs();
      // The agent may have gone since: then ask for another, once.
      if (this.#slots.get(account) === slot) return answer;
    }
    return { kind: "refused", why: GONE };
  }

  #open(account: string, action: string, user: string): Slot {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const lastUsedMs = this.#clock.monotonicMs();
    const slot: Slot = { action, user, agent: promise, resolve, state: "asked", lastUsedMs };
    this.#slots.set(account, slot);
    const cancel = this.#clock.after(AGENT_TIMEOUT_MS, () => {
      if (this.#slots.get(account) === slot) this.#slots.delete(account);
      resolve({ kind: "refused", why: "The delivery agent did not start in time" });
    });
    void promise.then(cancel);
    this.#ask(action, user);
    return slot;
  }

  /** An agent delivers to its recipients one after the other. */
  #patienceMs({ envelopes }: DeliveryTask): number {
    const [envelope] = envelopes;
    const action = this.#terms.config.actions.get(envelope?.action ?? "");
    return envelopes.length * (action?.kind === "lmtp" ? LMTP_TIMEOUT_MS : ANSWER_TIMEOUT_MS);
  }

  /** Lets go of an agent that nobody uses, and of one that has had its time. */
  #watch(
    account: string,
    slot: Slot,
    open: { readonly link: AgentLink; readonly agent: Agent },
  ): void {
    this.#clock.after(AGENT_IDLE_MS, () => {
      const isCurrent = this.#slots.get(account) === slot;
      if (!isCurrent && slot.state !== "retired") return;
      const nowMs = this.#clock.monotonicMs();
      const { sender, forwards, deadlines } = open.agent;
      if ([...deadlines].some(({ atMs }) => atMs <= nowMs)) {
        if (isCurrent) this.#slots.delete(account);
        sender.lost(TOO_LATE);
        open.link.destroy();
        return;
      }
      const isUsed = isCurrent && nowMs - slot.lastUsedMs < AGENT_IDLE_MS;
      if (isUsed || sender.count + forwards.count > 0) {
        this.#watch(account, slot, open);
        return;
      }
      if (isCurrent) this.#slots.delete(account);
      open.link.end();
    });
  }
}
