/**
 * Who is due and stands in line asleep: on a route that has its share awake, or, while as
 * many are awake as may be, for their subsystem; and who has no action. Each of those has a
 * line, and a count of the envelopes in it; a part stands in one line at most.
 *
 * Does not decide who stands where, nor who comes next (tiers.ts).
 */
import type { Route } from "#engine/scheduler/route.ts";
import type { Scheduler } from "#engine/scheduler/scheduler.ts";
import type { DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import { type Line, Lines } from "#engine/sleepers/lines.ts";
import type { Way } from "#engine/sleepers/packed-part.ts";
import type { Sleepers } from "#engine/sleepers/sleepers.ts";

/** What a line is for. */
export type Stand = Route | DeliverySubsystem | "stranded";

export class Standing {
  readonly #sleepers: Sleepers;
  readonly #scheduler: Scheduler;
  readonly #lines = new Lines<Stand>();
  readonly #lineOf = new Map<Stand, Line<Stand>>();
  /** Lines of an earlier configuration. */
  readonly #stale: Line<Stand>[] = [];
  /** Envelopes in lines that are not for a route. */
  readonly #lined: Record<DeliverySubsystem, number> = { mta: 0, mda: 0 };
  /** Those of them that have no action. */
  #stranded = 0;

  constructor(sleepers: Sleepers, scheduler: Scheduler) {
    this.#sleepers = sleepers;
    this.#scheduler = scheduler;
  }

  /** Envelopes that have no action. */
  get stranded(): number {
    return this.#stranded;
  }

  /** Envelopes in lines that are not for a route, the stranded among them. */
  lined(subsystem: DeliverySubsystem): number {
    return this.#lined[subsystem];
  }

  /** The line for `stand`; undefined: nobody stands there. */
  lineFor(stand: Stand): Line<Stand> | undefined {
    return this.#lineOf.get(stand);
  }

  /** A line whose parts are to be looked at again, then settled; undefined: there is none. */
  get stale(): Line<Stand> | undefined {
    return this.#stale.at(-1);
  }

  /** What lines for routes, and of the stranded, say is of an earlier configuration now. */
  outdate(): void {
    for (const [stand, line] of this.#lineOf) {
      if (stand === "mta" || stand === "mda") continue;
      this.#lineOf.delete(stand);
      this.#stale.push(line);
    }
  }

  /** Puts a part that goes `way` last in a line, where it is looked at again when it expires. */
  push(stand: Stand, slot: number, { plan, envelopes, expiresAtMs }: Way): void {
    let line = this.#lineOf.get(stand);
    if (line === undefined) {
      line = this.#lines.open(stand);
      this.#lineOf.set(stand, line);
    }
    this.#lines.push(line, slot);
    this.#sleepers.wakeAt(slot, expiresAtMs);
    this.#sleepers.holdIsOver(slot);
    if (typeof stand === "string") {
      this.#lined[plan.transport.kind] += envelopes;
      if (stand === "stranded") this.#stranded += envelopes;
      return;
    }
    stand.asleep += envelopes;
    // Nothing else would call for it.
    if (stand.ready === 0) this.#scheduler.hungry[stand.key.subsystem].add(stand);
  }

  /** Takes out the first of a line that is not empty; the caller settles the line. */
  shift(line: Line<Stand>): number {
    const slot = line.first;
    this.#remove(line, slot);
    return slot;
  }

  /** Takes a part out of its line; false if it stands in none. */
  leave(slot: number): boolean {
    const line = this.#lines.lineOf(slot);
    if (line === undefined) return false;
    this.#remove(line, slot);
    this.settle(line);
    return true;
  }

  /** Closes a line in which nobody stands any more. */
  settle(line: Line<Stand>): void {
    if (line.size > 0) return;
    if (this.stale === line) this.#stale.pop();
    this.#lines.close(line);
    if (this.#lineOf.get(line.owner) === line) this.#lineOf.delete(line.owner);
    if (typeof line.owner !== "string") this.#scheduler.retire(line.owner);
  }

  /** Gives all memory back; nobody may stand here. */
  clear(): void {
    this.#lines.clear();
  }

  #remove(line: Line<Stand>, slot: number): void {
    const { plan, envelopes } = this.#sleepers.way(slot);
    this.#lines.remove(line, slot);
    if (typeof line.owner !== "string") {
      line.owner.asleep -= envelopes;
      return;
    }
    this.#lined[plan.transport.kind] -= envelopes;
    if (line.owner === "stranded") this.#stranded -= envelopes;
  }
}
