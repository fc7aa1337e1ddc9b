/**
 * Who is awake and who sleeps. Awake is what is under way, and a bounded number of those
 * that are due; all others sleep: what waits for its time, what is suspended, and what is
 * due behind others.
 *
 * Whatever becomes due comes by one way, the sleepers' heap: it is woken if its route has
 * less than its share in line, and else stands in line asleep. Promises: a destination with
 * a million due envelopes takes its share and no more, and does not hold up the others; mail
 * for one subsystem is not held up by that for the other; an envelope that stands in line
 * asleep expires as one that is awake; what is done in one turn is bounded.
 *
 * The lines are in standing.ts.
 */
import { hex32At } from "#base/hex.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import { msgidOf } from "#model/ids.ts";
import { MAX_STRANDED_ACTIONS, type Stranded } from "#model/stranded.ts";
import {
  type EnvelopeRecord,
  expiresAtMs,
  type MessageRecord,
  numberOf,
  USUAL_LEVEL,
} from "#engine/scheduler/record.ts";
import type { Route } from "#engine/scheduler/route.ts";
import {
  type Configured,
  type Due,
  LAST_CHANCE_MS,
  type Scheduler,
} from "#engine/scheduler/scheduler.ts";
import { DELIVERY_SUBSYSTEMS, type DeliverySubsystem } from "#engine/scheduler/wait-reason.ts";
import type { Line } from "#engine/sleepers/lines.ts";
import type { Way } from "#engine/sleepers/packed-part.ts";
import type { Sleepers } from "#engine/sleepers/sleepers.ts";
import type { QueueIndex } from "./queue-index.ts";
import { type Stand, Standing } from "./standing.ts";

export interface TierBounds {
  /** Envelopes of one subsystem that are awake, those under way among them; a part that is woken may exceed it. */
  readonly maxAwake: number;
}

export const DEFAULT_TIER_BOUNDS: TierBounds = Object.freeze({
  maxAwake: 20_000,
});

/**
 * A route gets a part of what is free, so that however many routes are full there is room
 * for one more. Source: the dynamic thresholds of shared-memory switches (Choudhury and
 * Hahne, 1998).
 */
const SHARE_OF_FREE = 4;

/** What is awake in all, as a multiple of what may be of one subsystem, before no one more is woken to expire. */
const CROWD = 4;

export interface TierParts {
  readonly clock: Clock;
  readonly index: QueueIndex;
  readonly scheduler: Scheduler;
}

export class Tiers {
  readonly #index: QueueIndex;
  readonly #sleepers: Sleepers;
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #bounds: TierBounds;
  readonly #standing: Standing;
  /** Counts configurations: a part of an earlier one may now go several ways. */
  #configuration = 0;
  /** Whose turn it is where there is room for few. */
  #first: "routes" | "others" = "routes";

  constructor({ clock, index, scheduler }: TierParts, bounds: TierBounds) {
    this.#clock = clock;
    this.#index = index;
    this.#sleepers = index.sleepers;
    this.#scheduler = scheduler;
    this.#standing = new Standing(index.sleepers, scheduler);
    this.#bounds = bounds;
  }

  /** When `advance` has something to do; Infinity if never. */
  get nextDueMs(): number {
    return this.#isCrowded ? Infinity : this.#sleepers.firstAtMs;
  }

  /**
   * More have expired than are recorded yet: no one is woken for now, or a million that
   * expire at once would all be awake. Whoever records some calls for another turn.
   */
  get #isCrowded(): boolean {
    const awake = this.#index.awake("mta") + this.#index.awake("mda");
    return awake >= CROWD * this.#bounds.maxAwake;
  }

  /** Lines have become shorter, and who stands in them asleep may come. */
  get mayRefill(): boolean {
    return DELIVERY_SUBSYSTEMS.some(
      (each) => this.#scheduler.hungry[each].size > 0 && this.#hasRoom(each),
    );
  }

  /** Envelopes that are due and asleep, and have no action. */
  get stranded(): number {
    return this.#standing.stranded;
  }

  /** Envelopes that are due and stand in line asleep, but not for a route. */
  lined(subsystem: DeliverySubsystem): number {
    return this.#standing.lined(subsystem);
  }

  /** Takes in a message that was just accepted; it is due in `holdMs`. */
  enrol(message: Message, envelopes: readonly Envelope[], holdMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    const owner = this.#index.record(message, envelopes, nowMs);
    this.#index.add(owner);
    const late: EnvelopeRecord[] = [];
    for (const record of owner.envelopes) {
      record.dueMs = nowMs + holdMs;
      if (holdMs > 0 || !this.#linesUp(record)) late.push(record);
    }
    if (late.length > 0) this.sleep(late);
  }

  /** Lays down a message that is not in the queue yet: as `sleep` does. */
  lay(owner: MessageRecord): void {
    this.#lay(owner, owner.envelopes);
  }

  /**
   * Lays down envelopes of one message that are awake and in no line, "suspended" or
   * "waiting" for their `dueMs`, which may have come.
   */
  sleep(records: readonly EnvelopeRecord[]): void {
    const owner = records[0]?.owner;
    if (owner === undefined) return;
    this.#lay(owner, records);
    for (const record of records) {
      this.#scheduler.finish(record);
      this.#index.remove(record);
    }
  }

  /** Lays down again what was roused and is not under way. */
  lieDown(owners: Iterable<MessageRecord>): void {
    for (const { envelopes } of owners) {
      this.sleep(envelopes.filter(({ state }) => state === "waiting" || state === "suspended"));
    }
  }

  /**
   * Wakes the envelopes of which `seen` are copies, where they are still in the queue. The
   * caller says what becomes of them, and has the others lie down, before its turn is over.
   */
  rouse(seen: readonly EnvelopeRecord[]): readonly EnvelopeRecord[] {
    return this.#rouse(seen.map(({ owner, id }) => [owner.message.msgid, id]));
  }

  /** Has those of these envelopes that wait for their next try tried now. */
  hasten(evpids: readonly string[]): void {
    if (evpids.length === 0) return;
    const nowMs = this.#clock.monotonicMs();
    const roused = this.#rouse(evpids.map((evpid) => [msgidOf(evpid), numberOf(evpid)]));
    for (const record of roused) {
      if (record.state === "waiting") record.dueMs = Math.min(record.dueMs, nowMs);
    }
    this.lieDown(new Set(roused.map(({ owner }) => owner)));
  }

  #rouse(named: readonly (readonly [msgid: string, id: number])[]): readonly EnvelopeRecord[] {
    const found: EnvelopeRecord[] = [];
    for (const [msgid, wanted] of Map.groupBy(named, ([of]) => of)) {
      const ids = new Set(wanted.map(([, id]) => id));
      for (const slot of this.#sleepers.partsOf(hex32At(msgid))) {
        if (this.#sleepers.look(slot).some(({ id }) => ids.has(id))) this.#wake(slot);
      }
      const { envelopes } = this.#index.message(msgid) ?? { envelopes: [] };
      found.push(...envelopes.filter(({ id }) => ids.has(id)));
    }
    return found;
  }

  /** What a copy of one that sleeps shows: due ones stand in line. */
  show(record: EnvelopeRecord): void {
    if (record.state !== "waiting" || record.dueMs > this.#clock.monotonicMs()) return;
    record.state = this.#scheduler.canCarry(record.plan) ? "ready" : "stranded";
    record.route = this.#scheduler.knownRoute(record);
  }

  /** Binds all that wait to other actions; says for what there is none. */
  takeUp(configured: Configured): Stranded {
    this.#configuration++;
    const awake = this.#scheduler.takeUp(configured, this.#index.envelopes());
    const gone = new Set(awake.actions);
    let { envelopes } = awake;
    for (const { plan, waiting } of this.#sleepers.actions) {
      if (waiting === 0 || this.#scheduler.canCarry(plan)) continue;
      envelopes += waiting;
      if (gone.size < MAX_STRANDED_ACTIONS) gone.add(plan.action);
    }
    this.#standing.outdate();
    return { envelopes, actions: [...gone] };
  }

  /** Looks at what is due at `nowMs`: `max` envelopes at most, but for the rest of a part. */
  advance(nowMs: number, max: number): Due {
    const expired: EnvelopeRecord[] = [];
    const work: Work = { nowMs, left: max, expired, isLate: false };
    this.#recall(work);
    // Each kind may use half of the turn, so that none waits for the others.
    work.left = Math.floor(max / 2);
    if (this.#first === "routes") this.#refillRoutes(work);
    this.#refillSubsystems(work);
    if (this.#first === "others") this.#refillRoutes(work);
    this.#first = this.#first === "routes" ? "others" : "routes";
    const isUsedUp = work.left <= 0;
    work.left += Math.ceil(max / 2);
    while (work.left > 0 && this.nextDueMs <= nowMs) this.#look(this.#sleepers.first, work);
    const isMore = isUsedUp || this.#standing.stale !== undefined || this.nextDueMs <= nowMs;
    return { expired, more: isMore };
  }

  /** Whether a due envelope found room in the line of its route. */
  #linesUp(record: EnvelopeRecord): boolean {
    const subsystem = record.plan.transport.kind;
    if (!this.#hasRoom(subsystem)) return false;
    const route = this.#scheduler.assign(record);
    if (route === undefined || !this.#maySkipLine(route, record.owner.level)) return false;
    return this.#scheduler.ready(record, 0);
  }

  /**
   * Whether a due envelope need not stand in line asleep: there is no line, and room. Of a
   * higher priority than most has no mind for the line, and as much room again.
   */
  #maySkipLine(route: Route, level: number): boolean {
    const share = this.#share(route);
    if (level > USUAL_LEVEL) return route.ready < 2 * share;
    return route.asleep === 0 && route.ready < share;
  }

  #hasRoom(subsystem: DeliverySubsystem): boolean {
    return this.#index.awake(subsystem) < this.#bounds.maxAwake;
  }

  /** Due envelopes that a route may have awake now. What it has under way is part of its share. */
  #share({ key, limits, underWay }: Route): number {
    const free = this.#bounds.maxAwake - this.#index.awake(key.subsystem);
    return Math.min(limits.taskHiwat, Math.max(0, Math.ceil(free / SHARE_OF_FREE) - underWay));
  }

  #lay(owner: MessageRecord, records: readonly EnvelopeRecord[]): void {
    if (records.length === 1) {
      this.#sleepers.put(owner, records, this.#configuration);
      return;
    }
    // Who is suspended apart: the others of a part would be looked at for ever, and be in its way.
    const { suspended = [], waiting = [] } = Object.groupBy(records, ({ state }) =>
      state === "suspended" ? state : "waiting",
    );
    for (const some of [suspended, waiting]) {
      const byRoute = Map.groupBy(some, (record) => this.#scheduler.routeName(record));
      for (const sharing of byRoute.values())
        this.#sleepers.put(owner, sharing, this.#configuration);
    }
  }

  /** A part whose time has come: it is woken, or stands in line. */
  #look(slot: number, work: Work): void {
    work.left--;
    if (this.#standing.leave(slot)) {
      // It was in line, and now one of its envelopes expires.
      this.#attend(slot, work);
      return;
    }
    const way = this.#sleepers.way(slot);
    if (way.expiresAtMs <= work.nowMs) {
      this.#attend(slot, { ...work, isLate: true });
      return;
    }
    if (way.envelopes > 1 && way.configuration !== this.#configuration) {
      this.sleep(this.#wake(slot));
      return;
    }
    const stand = this.#standFor(way);
    if (stand === undefined) this.#attend(slot, work);
    else this.#standing.push(stand, slot, way);
  }

  /** Where a due part has to stand in line asleep; undefined: there is room for it. */
  #standFor({ plan, destination, isSuspended, level }: Way): Stand | undefined {
    if (isSuspended) return undefined;
    const subsystem = plan.transport.kind;
    if (!this.#hasRoom(subsystem)) return subsystem;
    const route = this.#scheduler.routeFor(plan, destination);
    if (route === undefined) return "stranded";
    return this.#maySkipLine(route, level) ? undefined : route;
  }

  /** Has those who stand in stale lines looked at again. */
  #recall(work: Work): void {
    for (let line = this.#standing.stale; line !== undefined; line = this.#standing.stale) {
      for (; line.size > 0 && work.left > 0; work.left--) {
        this.#sleepers.wakeAt(this.#standing.shift(line), work.nowMs);
      }
      if (line.size > 0) return;
      this.#standing.settle(line);
    }
  }

  /** Wakes those who stand in line on routes that have room again. */
  #refillRoutes(work: Work): void {
    for (const subsystem of DELIVERY_SUBSYSTEMS) {
      const hungry = this.#scheduler.hungry[subsystem];
      // Also those that are added meanwhile. (One walk: a set's first is found behind what left it.)
      for (const route of hungry) {
        if (work.left <= 0 || !this.#hasRoom(subsystem)) break;
        hungry.delete(route);
        work.left--;
        const line = this.#standing.lineFor(route);
        if (line !== undefined) this.#refill(line, route, work);
      }
    }
  }

  #refill(line: Line<Stand>, route: Route, work: Work): void {
    // Not one by one: who comes together may go in one attempt.
    if (!this.#isLow(route)) return;
    const most = route.ready + route.limits.taskRelease;
    while (line.size > 0 && route.ready < Math.min(most, this.#share(route)) && work.left > 0) {
      this.#attend(this.#standing.shift(line), work);
      work.left--;
    }
    this.#standing.settle(line);
    // At the end of those that are hungry, so that each of them gets something.
    if (route.asleep > 0 && this.#isLow(route)) {
      this.#scheduler.hungry[route.key.subsystem].add(route);
    }
  }

  /** So little is awake on the route that more is to come. */
  #isLow(route: Route): boolean {
    const share = this.#share(route);
    return share > 0 && route.ready <= Math.min(route.limits.taskLowat, share / 2);
  }

  /** Has those who became due while too many were awake looked at again. */
  #refillSubsystems(work: Work): void {
    for (const subsystem of DELIVERY_SUBSYSTEMS) {
      const line = this.#standing.lineFor(subsystem);
      if (line === undefined) continue;
      while (line.size > 0 && work.left > 0 && this.#hasRoom(subsystem)) {
        this.#look(this.#standing.shift(line), work);
      }
      this.#standing.settle(line);
    }
  }

  /** Wakes a part: who is due is put in line, who is not lies down again. */
  #attend(slot: number, { nowMs, expired, isLate }: Work): void {
    const rest: EnvelopeRecord[] = [];
    for (const record of this.#wake(slot)) {
      if (isLate) grantLastChance(record, nowMs);
      if (record.state === "suspended") rest.push(record);
      else if (expiresAtMs(record) <= nowMs) {
        this.#scheduler.withdraw(record);
        expired.push(record);
      } else if (record.dueMs > nowMs || !this.#scheduler.ready(record, 0)) rest.push(record);
    }
    this.sleep(rest);
  }

  /** Of one part, into no line. */
  #wake(slot: number): readonly EnvelopeRecord[] {
    this.#standing.leave(slot);
    const id = this.#sleepers.msgidOf(slot);
    const records = this.#sleepers.take(slot, this.#index.messageOf(id));
    const owner = records[0]?.owner;
    if (owner !== undefined) this.#index.join(owner, records);
    if (this.#sleepers.envelopes === 0) this.#standing.clear();
    return records;
  }
}

/** What one turn may do, and what it brought. */
interface Work {
  readonly nowMs: number;
  /** Envelopes, or parts, that may still be looked at. */
  left: number;
  readonly expired: EnvelopeRecord[];
  /** What should have been looked at before: the machine slept, or stood still. */
  readonly isLate: boolean;
}

/** No envelope expires without the try that was to come before, because nobody looked. */
function grantLastChance(record: EnvelopeRecord, nowMs: number): void {
  const expiryMs = expiresAtMs(record);
  if (record.state === "suspended" || record.dueMs >= expiryMs || expiryMs > nowMs) return;
  record.graceUntilMs = nowMs + LAST_CHANCE_MS;
}
