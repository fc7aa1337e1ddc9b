/**
 * The dispatchers that the queue has now, as the carrier of its deliveries.
 *
 * One of them, the first, does all relaying: limits and memory of hosts are then those of the
 * whole daemon (docs/decisions/0018). Another route belongs to one by hash, so that its
 * connections are reused. After the start attempts wait until all are there: the one whose route
 * it is may know what became of an attempt that an earlier queue made (attempt-memory.ts).
 * Later, while there is none, they wait for the first: mail must not pay for a restart with
 * the pause of a failed delivery.
 */
import { crc32 } from "node:zlib";
import type { Clock } from "#base/ports/clock.ts";
import { routeKeyOf } from "#engine/scheduler/route.ts";
import type { Action } from "#model/config/action.ts";
import type { Carrier, DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import { type AttemptAt, deferAll } from "./attempt-sender.ts";
import type { QueueDoor } from "./queue-door.ts";

/** One that is not there by then, counted from the start, is not waited for. */
export const GATHERING_MS = 5_000;
/** An attempt that found no dispatcher by then is deferred. */
export const DOOR_TIMEOUT_MS = 60_000;

export class QueueDoors implements Carrier {
  readonly #clock: Clock;
  /** How many dispatchers there should be. */
  readonly #count: number;
  readonly #cancelGathering: () => void;
  /** By the number of the dispatcher. */
  readonly #doors = new Map<number, QueueDoor>();
  readonly #waiting = new Set<() => void>();
  #actions: ReadonlyMap<string, Action>;
  /** The number of the one that relays. */
  #relaying = 0;
  #state: "gathering" | "open" | "closed" = "gathering";

  constructor(clock: Clock, actions: ReadonlyMap<string, Action>, count: number) {
    this.#clock = clock;
    this.#actions = actions;
    this.#count = count;
    this.#cancelGathering = clock.after(GATHERING_MS, () => this.#enter("open"));
  }

  get size(): number {
    return this.#doors.size;
  }

  add(index: number, door: QueueDoor): void {
    this.#doors.set(index, door);
    if (this.#state === "gathering" && this.#doors.size >= this.#count) this.#enter("open");
    else if (this.#canChoose) this.#wake();
  }

  /** `door` is lost; a newer one of the same dispatcher stays. */
  remove(index: number, door: QueueDoor): void {
    if (this.#doors.get(index) === door) this.#doors.delete(index);
  }

  /** Routes are those of other actions from now on. */
  takeUp(actions: ReadonlyMap<string, Action>): void {
    this.#actions = actions;
  }

  /** Attempts under way that are about one of `evpids`, by dispatcher. */
  attemptsAt(
    evpids: ReadonlySet<string>,
  ): readonly { readonly index: number; readonly attempts: readonly AttemptAt[] }[] {
    return [...this.#doors].flatMap(([index, door]) => {
      const attempts = door.attemptsAt(evpids);
      return attempts.length === 0 ? [] : [{ index, attempts }];
    });
  }

  room(freeBytes: number): void {
    for (const door of this.#doors.values()) door.room(freeBytes);
  }

  /** No door will come: what waits for one is deferred. */
  close(): void {
    this.#enter("closed");
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    if (!this.#canChoose) await this.#awake();
    const door = this.#doorOf(task);
    if (door === undefined) return deferAll(task, "4.3.0", "No dispatcher is running");
    return door.carrier.attempt(task);
  }

  #doorOf(task: DeliveryTask): QueueDoor | undefined {
    if (task.envelopes[0]?.transport.kind === "mta") return this.#relayingDoor();
    const indexes = [...this.#doors.keys()].toSorted((a, b) => a - b);
    return this.#doors.get(indexes[this.#routeHash(task) % indexes.length] ?? 0);
  }

  /** It stays the same while it lives: one that comes back finds the connections of another open. */
  #relayingDoor(): QueueDoor | undefined {
    const current = this.#doors.get(this.#relaying);
    if (current !== undefined) return current;
    this.#relaying = Math.min(...this.#doors.keys());
    return this.#doors.get(this.#relaying);
  }

  /** A route's dispatcher can be said, or there is none to hope for. */
  get #canChoose(): boolean {
    return this.#state === "closed" || (this.#state === "open" && this.#doors.size > 0);
  }

  #enter(state: "open" | "closed"): void {
    this.#cancelGathering();
    this.#state = state;
    if (this.#canChoose) this.#wake();
  }

  #awake(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(DOOR_TIMEOUT_MS, () => wake());
    const wake = (): void => {
      cancel();
      this.#waiting.delete(wake);
      resolve();
    };
    this.#waiting.add(wake);
    return promise;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  #routeHash(task: DeliveryTask): number {
    const [envelope] = task.envelopes;
    if (envelope === undefined) return 0;
    const action = this.#actions.get(envelope.action);
    return crc32(routeKeyOf(envelope, envelope.destination, action)?.name ?? "");
  }
}
