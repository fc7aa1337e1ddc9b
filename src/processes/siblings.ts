/**
 * The children that last as long as the daemon, and the ways between them: who talks to
 * whom, and the sockets that join them, again after one was started anew.
 */
import type { Destroyable, Handover, Pairs } from "./child.ts";
import type { Role } from "./roles.ts";
import type { Supervised } from "./supervised.ts";

export interface Sibling<End> {
  readonly process: Supervised<End>;
  readonly role: Role;
  /** Which of several with its role; 0 for the only one. */
  readonly index: number;
}

/** Source: docs/architecture.md, Channels. */
const WAYS: readonly (readonly [Role, Role])[] = [
  ["queue", "dispatcher"],
  ["lookup", "dispatcher"],
  ["lookup", "queue"],
  ["queue", "control"],
];

export class SiblingWays<End extends Destroyable> {
  readonly #pairs: Pairs<End>;
  readonly #generation: () => number;

  /** @param generation of the configuration in use. */
  constructor(pairs: Pairs<End>, generation: () => number) {
    this.#pairs = pairs;
    this.#generation = generation;
  }

  /** Joins `sibling`, which has just started, to those of `others` that run and that it talks to. */
  join(sibling: Sibling<End>, others: readonly Sibling<End>[]): void {
    for (const other of others) if (talk(sibling, other)) void this.#join(sibling, other);
  }

  async #join(one: Sibling<End>, other: Sibling<End>): Promise<void> {
    if (one.process.child === undefined || other.process.child === undefined) return;
    const [near, far] = await this.#pairs.pair();
    const generation = this.#generation();
    give(one, { to: other.role, name: nameOf(other), generation }, near);
    give(other, { to: one.role, name: nameOf(one), generation }, far);
  }
}

function talk<End>({ role: one }: Sibling<End>, { role: other }: Sibling<End>): boolean {
  return WAYS.some(([a, b]) => (a === one && b === other) || (a === other && b === one));
}

/** What a sibling is told besides the role. */
function nameOf<End>({ role, index }: Sibling<End>): string {
  return role === "dispatcher" ? String(index) : "";
}

/** Hands `end` to a sibling, as its way to another; whom it was for may be gone by now. */
function give<End extends Destroyable>(
  { process }: Sibling<End>,
  handover: Handover,
  end: End,
): void {
  if (process.child === undefined) end.destroy();
  else process.child.handOver(handover, end);
}
