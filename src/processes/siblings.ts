/**
 * The children that last as long as the daemon, and the ways between them: who talks to
 * whom, and the sockets that join them, again after one was started anew.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Destroyable, Handover } from "./child.ts";
import type { Joins } from "./joins.ts";
import type { Role } from "./roles.ts";
import type { Supervised } from "./supervised.ts";

/** Siblings that could not be joined, for lack of descriptors, are joined a little later. */
const JOIN_AGAIN_MS = 2_000;

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
  ["auth", "lookup"],
  ["queue", "control"],
];

export interface WaysOwner {
  /** Of the configuration in use. */
  generation(): number;
  warn(text: string): void;
}

export class SiblingWays<End extends Destroyable> {
  readonly #clock: Clock;
  readonly #joins: Joins<End>;
  readonly #owner: WaysOwner;

  constructor(clock: Clock, joins: Joins<End>, owner: WaysOwner) {
    this.#clock = clock;
    this.#joins = joins;
    this.#owner = owner;
  }

  /** Joins `sibling`, which has just started, to those of `others` that run and that it talks to. */
  join(sibling: Sibling<End>, others: readonly Sibling<End>[]): void {
    for (const other of others) if (talk(sibling, other)) void this.#join(sibling, other);
  }

  async #join(one: Sibling<End>, other: Sibling<End>): Promise<void> {
    const [near, far] = [one.process.child, other.process.child];
    if (near === undefined || far === undefined) return;
    const fault = await this.#joins.join(
      { child: near, handover: () => this.#toldOf(other) },
      { child: far, handover: () => this.#toldOf(one) },
    );
    // Whoever has ended is joined when it is there again.
    const arePresent = (): boolean => one.process.child === near && other.process.child === far;
    if (fault === undefined || !arePresent()) return;
    const names = `${one.process.name} and ${other.process.name}`;
    this.#owner.warn(`${names} are not joined, trying again: ${fault.why}`);
    this.#clock.after(JOIN_AGAIN_MS, () => {
      if (arePresent()) void this.#join(one, other);
    });
  }

  #toldOf(sibling: Sibling<End>): Omit<Handover, "number"> {
    const generation = this.#owner.generation();
    return { to: sibling.role, name: nameOf(sibling), generation };
  }
}

export function processesOf<End>(siblings: readonly Sibling<End>[]): readonly Supervised<End>[] {
  return siblings.map(({ process }) => process);
}

function talk<End>({ role: one }: Sibling<End>, { role: other }: Sibling<End>): boolean {
  return WAYS.some(([a, b]) => (a === one && b === other) || (a === other && b === one));
}

/** What a sibling is told besides the role. */
function nameOf<End>({ role, index }: Sibling<End>): string {
  return role === "dispatcher" ? String(index) : "";
}
