/**
 * Local deliveries of a dispatcher: finds the agent of the account, through the
 * parent, and gives it the delivery.
 *
 * One socket to each agent is kept while it is used; an agent that goes away is
 * asked for once more before the delivery is deferred.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Config } from "#model/config/config.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import type { AttemptReply, AttemptRequest } from "#model/ipc/attempt-link.ts";
import { AttemptSender, deferAll } from "./attempt-sender.ts";
import type { Link } from "./channel.ts";

/** An agent that cannot be had by then: the delivery is deferred. */
const AGENT_TIMEOUT_MS = 60_000;
/** A socket to an agent that was idle this long is closed; the agent may then end. */
const AGENT_IDLE_MS = 60_000;

/** An agent may end just when it is needed: then another is asked for. */
const MAX_AGENT_TRIES = 2;

type AgentLink = Link<AttemptReply, AttemptRequest>;
type Answer =
  | { readonly kind: "agent"; readonly sender: AttemptSender }
  | { readonly kind: "refused"; readonly why: string };

interface Slot {
  readonly agent: Promise<Answer>;
  readonly resolve: (answer: Answer) => void;
  state: "asked" | "linked";
  lastUsedMs: number;
}

/** Asks the parent for an agent; the answer comes by `linked` or `refused`. */
export type AskForAgent = (action: string, user: string) => void;

export class AgentCarrier implements Carrier {
  readonly #clock: Clock;
  readonly #config: Config;
  readonly #ask: AskForAgent;
  /** By account. */
  readonly #slots = new Map<string, Slot>();

  constructor(clock: Clock, config: Config, ask: AskForAgent) {
    this.#clock = clock;
    this.#config = config;
    this.#ask = ask;
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const [envelope] = task.envelopes;
    if (envelope?.transport.kind !== "mda") return deferAll(task, "4.3.5", "Not a local delivery");
    const { action, transport } = envelope;
    const account = this.#accountOf(action, transport.user);
    for (let round = 0; round < MAX_AGENT_TRIES; round++) {
      const slot = this.#slots.get(account) ?? this.#open(account, action, transport.user);
      const answer = await slot.agent;
      if (answer.kind === "refused") return deferAll(task, "4.3.0", answer.why);
      slot.lastUsedMs = this.#clock.monotonicMs();
      // The agent may have gone since: then ask for another, once.
      if (this.#slots.get(account) === slot) return answer.sender.attempt(task);
    }
    return deferAll(task, "4.3.0", "The delivery agent went away");
  }

  /** The parent handed over a socket to the agent of `account`. */
  linked(account: string, link: AgentLink): void {
    const slot = this.#slots.get(account);
    // An answer that came after it was waited for: another question was answered since.
    if (slot?.state !== "asked") {
      link.destroy();
      return;
    }
    slot.state = "linked";
    const sender = new AttemptSender((request) => link.send(request));
    link.start({
      message: (reply) => sender.reply(reply),
      closed: () => {
        if (this.#slots.get(account) === slot) this.#slots.delete(account);
        sender.lost("The delivery agent went away");
      },
    });
    slot.resolve({ kind: "agent", sender });
    this.#closeWhenIdle(account, slot, { link, sender });
  }

  refused(action: string, user: string, why: string): void {
    const account = this.#accountOf(action, user);
    const slot = this.#slots.get(account);
    if (slot?.state !== "asked") return;
    this.#slots.delete(account);
    slot.resolve({ kind: "refused", why });
  }

  #accountOf(action: string, user: string): string {
    const configured = this.#config.actions.get(action);
    return configured?.kind === "maildir" ? (configured.user ?? user) : user;
  }

  #open(account: string, action: string, user: string): Slot {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const lastUsedMs = this.#clock.monotonicMs();
    const slot: Slot = { agent: promise, resolve, state: "asked", lastUsedMs };
    this.#slots.set(account, slot);
    const cancel = this.#clock.after(AGENT_TIMEOUT_MS, () => {
      if (this.#slots.get(account) === slot) this.#slots.delete(account);
      resolve({ kind: "refused", why: "The delivery agent did not start in time" });
    });
    void promise.then(cancel);
    this.#ask(action, user);
    return slot;
  }

  #closeWhenIdle(
    account: string,
    slot: Slot,
    open: { readonly link: AgentLink; readonly sender: AttemptSender },
  ): void {
    this.#clock.after(AGENT_IDLE_MS, () => {
      if (this.#slots.get(account) !== slot) return;
      const idleMs = this.#clock.monotonicMs() - slot.lastUsedMs;
      if (idleMs < AGENT_IDLE_MS || open.sender.count > 0) {
        this.#closeWhenIdle(account, slot, open);
        return;
      }
      this.#slots.delete(account);
      open.link.end();
    });
  }
}
