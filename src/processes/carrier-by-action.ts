/**
 * Gives each attempt to the carrier that its action asks for: to an agent what is done as the
 * account, to that of the action's kind all else.
 */
import type { Action } from "#model/config/action.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import { isDeliveredByAgent } from "#policy/expand/delivered-by.ts";
import { deferAll } from "./attempt-sender.ts";

/** A kind that is missing delivers nothing itself, or is not built yet. */
export type Carriers = Readonly<Partial<Record<"lmtp" | "relay", Carrier>>> & {
  readonly agents: Carrier;
};

export class CarrierByAction implements Carrier {
  readonly #actions: ReadonlyMap<string, Action>;
  readonly #carriers: Carriers;

  constructor(actions: ReadonlyMap<string, Action>, carriers: Carriers) {
    this.#actions = actions;
    this.#carriers = carriers;
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    const [envelope] = task.envelopes;
    const name = envelope?.action ?? "";
    const action = this.#actions.get(name);
    if (action !== undefined) {
      const isListed =
        envelope?.transport.kind === "mda" && envelope.transport.listed !== undefined;
      const carrier = this.#carrierOf(action, isListed);
      if (carrier !== undefined) return carrier.attempt(task);
      // The configuration that accepted the message was another one.
      return deferAll(task, "4.3.5", `Nothing delivers by '${action.kind}'`);
    }
    // The configuration has changed since the message was accepted: it may change back.
    return deferAll(task, "4.3.5", `No action named ${JSON.stringify(name)} in the configuration`);
  }

  #carrierOf(action: Action, isListed: boolean): Carrier | undefined {
    const { agents, lmtp, relay } = this.#carriers;
    if (isDeliveredByAgent(action, isListed)) return agents;
    if (action.kind === "lmtp") return lmtp;
    return action.kind === "relay" ? relay : undefined;
  }
}

/** The actions of one kind, by name. */
export function actionsOfKind<Kind extends Action["kind"]>(
  actions: ReadonlyMap<string, Action>,
  kind: Kind,
): ReadonlyMap<string, Extract<Action, { readonly kind: Kind }>> {
  const chosen = new Map<string, Extract<Action, { readonly kind: Kind }>>();
  for (const [name, action] of actions) {
    if (isOfKind(action, kind)) chosen.set(name, action);
  }
  return chosen;
}

function isOfKind<Kind extends Action["kind"]>(
  action: Action,
  kind: Kind,
): action is Extract<Action, { readonly kind: Kind }> {
  return action.kind === kind;
}
