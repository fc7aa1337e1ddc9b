/**
 * How hard the server is pressed, by the number of its sessions and by what they hold.
 *
 * With many sessions it is under stress: who is not favoured has less time for
 * everything, so that idle ones make room. With too much held, sessions are ended until
 * it is less: the newest first, those that are favoured last. Favoured are clients on
 * this machine and those that have authenticated.
 *
 * Sessions hold little, and say only that it may be more now (`grew`); it is added up
 * when that makes a difference, so nothing is counted twice or forgotten.
 *
 * Source: Postfix, STRESS_README.
 */
import type { Clock } from "#base/ports/clock.ts";
import {
  HELD_BYTES_BETWEEN_LOOKS,
  MAX_HELD_BYTES,
  MAX_SESSION_HELD_BYTES,
  type Patience,
  PATIENT,
  PRESSED,
  STRESS_FROM,
  STRESS_UNTIL,
} from "./limits.ts";

/** A session as far as it is pressed. */
export interface PressedSession {
  readonly isFavoured: boolean;
  /** What it holds of all that it was sent. */
  readonly heldBytes: number;
  /** There is less time from now on. */
  hurry(): void;
  /** Ends it with 421 for the memory that it takes. */
  giveWay(): void;
}

export interface PressureParties {
  readonly clock: Clock;
  /** In the order in which they came. */
  readonly sessions: ReadonlySet<PressedSession>;
  /** Stress has begun, or ended. */
  readonly told: (state: "begins" | "ends", sessions: number) => void;
}

/** What a session knows of the pressure. */
export interface PressureGauge {
  /** For a session that is not favoured. */
  readonly patience: Patience;
  /** A session may hold `bytes` more now. */
  grew(bytes: number): void;
}

/** Of a session that is alone. */
export const NO_PRESSURE: PressureGauge = Object.freeze({ patience: PATIENT, grew() {} });

export class Pressure implements PressureGauge {
  readonly #parties: PressureParties;
  readonly #stressFrom: number;
  readonly #stressUntil: number;
  #state: "calm" | "stress" = "calm";
  #grownBytes = 0;
  #cancelLook: (() => void) | undefined;

  constructor(maxSessions: number, parties: PressureParties) {
    this.#parties = parties;
    this.#stressFrom = Math.ceil(maxSessions * STRESS_FROM);
    this.#stressUntil = Math.floor(maxSessions * STRESS_UNTIL);
  }

  get patience(): Patience {
    return this.#state === "calm" ? PATIENT : PRESSED;
  }

  /** There are more or fewer sessions now. */
  sessionsChanged(): void {
    const { sessions, told } = this.#parties;
    const { size } = sessions;
    if (this.#state === "calm" && size > 1 && size >= this.#stressFrom) {
      this.#state = "stress";
      told("begins", size);
      for (const session of sessions) if (!session.isFavoured) session.hurry();
    } else if (this.#state === "stress" && size <= this.#stressUntil) {
      this.#state = "calm";
      told("ends", size);
    }
    if (size === 0) this.#forgetLook();
  }

  grew(bytes: number): void {
    this.#grownBytes += bytes;
    if (this.#grownBytes < HELD_BYTES_BETWEEN_LOOKS || this.#cancelLook !== undefined) return;
    // Not at once: the session is in the midst of something.
    this.#cancelLook = this.#parties.clock.after(0, () => {
      this.#cancelLook = undefined;
      this.#grownBytes = 0;
      this.#look();
    });
  }

  #look(): void {
    let totalBytes = 0;
    for (const session of this.#parties.sessions) {
      const { heldBytes } = session;
      if (heldBytes > MAX_SESSION_HELD_BYTES) session.giveWay();
      else totalBytes += heldBytes;
    }
    if (totalBytes <= MAX_HELD_BYTES) return;
    for (const session of this.#leastFavoured()) {
      totalBytes -= session.heldBytes;
      session.giveWay();
      if (totalBytes <= MAX_HELD_BYTES) return;
    }
  }

  /** Those that hold something: who is favoured last, and the newest first. */
  #leastFavoured(): readonly PressedSession[] {
    const holding = [...this.#parties.sessions].filter(({ heldBytes }) => heldBytes > 0);
    return holding
      .toReversed()
      .toSorted((one, other) => Number(one.isFavoured) - Number(other.isFavoured));
  }

  #forgetLook(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#grownBytes = 0;
  }
}
