/**
 * Tells the dispatchers how large a message there is room for, while mail comes in
 * and for as long as room is short. An idle queue wakes for nobody: a disk that
 * others filled meanwhile is found by the next message, which is refused as "full".
 */
import type { Clock } from "#base/ports/clock.ts";

/** How often room is looked at. */
export const ROOM_LOOK_MS = 250;
/** It is looked at for this long after something came in. */
export const ROOM_WATCH_MS = 2_000;
/** Sizes that are asked about, 64 KiB to 4 GiB: the largest that fits is what dispatchers are told. */
const STEPS: readonly number[] = [0, ...Array.from({ length: 17 }, (_, step) => 2 ** (16 + step))];
const PLENTY: number = STEPS.at(-1) ?? 0;

export class RoomWatch {
  readonly #clock: Clock;
  readonly #hasRoom: (bytes: number) => boolean;
  readonly #tell: (freeBytes: number) => void;
  #told: number;
  #untilMs = 0;
  #state: "watching" | "asleep" = "asleep";

  constructor(
    clock: Clock,
    hasRoom: (bytes: number) => boolean,
    tell: (freeBytes: number) => void,
  ) {
    this.#clock = clock;
    this.#hasRoom = hasRoom;
    this.#tell = tell;
    this.#told = this.#freeBytes();
    this.touched();
  }

  /** What the dispatchers were told last. */
  get told(): number {
    return this.#told;
  }

  /** Something came in, so that there may be less room soon. */
  touched(): void {
    this.#untilMs = this.#clock.monotonicMs() + ROOM_WATCH_MS;
    if (this.#state === "watching") return;
    this.#state = "watching";
    this.#clock.after(ROOM_LOOK_MS, () => this.#look());
  }

  #look(): void {
    const freeBytes = this.#freeBytes();
    if (freeBytes !== this.#told) {
      this.#told = freeBytes;
      this.#tell(freeBytes);
    }
    if (freeBytes < PLENTY || this.#clock.monotonicMs() < this.#untilMs) {
      this.#clock.after(ROOM_LOOK_MS, () => this.#look());
    } else {
      this.#state = "asleep";
    }
  }

  #freeBytes(): number {
    return STEPS.findLast((bytes) => this.#hasRoom(bytes)) ?? 0;
  }
}
