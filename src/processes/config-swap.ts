/**
 * Has every process of the daemon work by another configuration, or none of them.
 *
 * Two steps. First all that can fail: what is new is bound, and every child gets ready.
 * Then one that cannot: the parent's own copy changes and each child takes up what it
 * has ready, all in the same turn of the event loop. A child that does not run, or
 * that is new by then, is started with the new configuration, and with its sockets.
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Config } from "#model/config/config.ts";
import type { ChildToParent, NextSlice } from "#model/ipc/parent-link.ts";
import { MAX_STRANDED_ACTIONS, NONE_STRANDED, type Stranded } from "#model/stranded.ts";
import type { BoundSockets, CannotBind } from "./bound-sockets.ts";
import type { Child } from "./child.ts";
import { RollCall } from "./roll-call.ts";
import type { Role } from "./roles.ts";
import { processesOf, type Sibling } from "./siblings.ts";
import type { Supervised } from "./supervised.ts";

/** A child that has not compiled its rules and tables by then keeps all as it is. */
const PREPARE_TIMEOUT_MS = 15_000;
/** One that does not take it up by then is started anew. */
const TAKE_UP_TIMEOUT_MS = 10_000;

/** Whom a swap is made for. */
export interface SwapOwner<End> {
  /** Those that work by the configuration, in whatever state they are. */
  readonly children: readonly Sibling<End>[];
  /** Whether it works: it can be told to get ready. */
  isWorking(sibling: Sibling<End>): boolean;
  /** What a child is told of the new configuration. */
  slice(role: Role): NextSlice;
  /** From now on whatever is started gets the new configuration; false: the daemon is stopping. */
  commit(): boolean;
}

/** Who accepts on what. */
const ACCEPTS: Readonly<Record<Endpoint["kind"], Role>> = { tcp: "dispatcher", unix: "local" };

export type Swapped =
  /** `renewed`: these had to be started anew. */
  | { readonly kind: "swapped"; readonly stranded: Stranded; readonly renewed: readonly string[] }
  | { readonly kind: "refused"; readonly why: string }
  | CannotBind;

type Answer = Extract<ChildToParent, { readonly kind: "prepared" | "taken-up" }>;

interface Member<End> extends Sibling<End> {
  readonly child: Child<End>;
}

export class ConfigSwap<End> {
  readonly #sockets: BoundSockets;
  readonly #ready: RollCall<Supervised<End>, string | undefined>;
  readonly #takenUp: RollCall<Supervised<End>, Stranded>;

  constructor(clock: Clock, sockets: BoundSockets) {
    this.#sockets = sockets;
    this.#ready = new RollCall(clock);
    this.#takenUp = new RollCall(clock);
  }

  /** Must not be called again before it has ended. Each `config` has a generation of its own. */
  async run(config: Config, generation: number, owner: SwapOwner<End>): Promise<Swapped> {
    const rebinding = await this.#sockets.rebind(config);
    if (rebinding.kind === "cannot-bind") return rebinding;
    const members = membersOf(owner);
    const ready = this.#ready.call(generation, processesOf(members), PREPARE_TIMEOUT_MS);
    for (const { process, role, child } of members) {
      // Nobody else may hold them: a listener that one forgot would never be closed.
      for (const listener of rebinding.fresh) {
        if (role === ACCEPTS[listener.kind]) child.handOverListener(listener, generation);
      }
      process.send({ kind: "prepare", next: owner.slice(role) });
    }
    const { answers, silent } = await ready;
    const why = whyNot(answers, silent);
    if (why !== undefined || !owner.commit()) {
      for (const { process } of members) process.send({ kind: "abandon", generation });
      rebinding.abandon();
      return { kind: "refused", why: why ?? "smtpd is stopping" };
    }
    rebinding.commit();
    return this.#takeUp(members, generation, owner);
  }

  /** Takes what a child says. */
  answered(process: Supervised<End>, answer: Answer): void {
    const { generation } = answer;
    if (answer.kind === "prepared") this.#ready.answered(generation, process, answer.fault);
    else this.#takenUp.answered(generation, process, answer.stranded);
  }

  gone(process: Supervised<End>): void {
    this.#ready.gone(process);
    this.#takenUp.gone(process);
  }

  async #takeUp(
    members: readonly Member<End>[],
    generation: number,
    owner: SwapOwner<End>,
  ): Promise<Swapped> {
    const prepared = members.filter(({ process, child }) => process.child === child);
    const processes = processesOf(prepared);
    const takenUp = this.#takenUp.call(generation, processes, TAKE_UP_TIMEOUT_MS);
    for (const { process } of owner.children) {
      if (processes.includes(process)) process.send({ kind: "take-up", generation });
      else process.renew();
    }
    const { answers, silent } = await takenUp;
    for (const process of silent) process.renew();
    return {
      kind: "swapped",
      stranded: [...answers.values()].reduce(joined, NONE_STRANDED),
      renewed: silent.map(({ name }) => name),
    };
  }
}

function membersOf<End>(owner: SwapOwner<End>): readonly Member<End>[] {
  return owner.children.flatMap((sibling) => {
    const { child } = sibling.process;
    return child !== undefined && owner.isWorking(sibling) ? [{ ...sibling, child }] : [];
  });
}

function whyNot<End>(
  answers: ReadonlyMap<Supervised<End>, string | undefined>,
  silent: readonly Supervised<End>[],
): string | undefined {
  const [first] = silent;
  if (first !== undefined) return `${first.name} did not get ready in time`;
  for (const [{ name }, fault] of answers) if (fault !== undefined) return `${name}: ${fault}`;
  return undefined;
}

function joined(one: Stranded, other: Stranded): Stranded {
  const actions = new Set([...one.actions, ...other.actions]);
  return {
    envelopes: one.envelopes + other.envelopes,
    actions: [...actions].slice(0, MAX_STRANDED_ACTIONS),
  };
}
