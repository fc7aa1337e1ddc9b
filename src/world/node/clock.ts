/**
 * Real time. A timer that is not cancelled keeps the process alive.
 *
 * The clock that Node has for durations stands still while the machine sleeps, the uptime of
 * the system does not (Linux: CLOCK_MONOTONIC, and /proc/uptime of CLOCK_BOOTTIME). What one
 * has gained on the other was slept. Reading the uptime costs 20 µs, so it is read once a
 * second at most.
 */
import { uptime } from "node:os";
import type { Clock } from "#base/ports/clock.ts";

/** Node cuts longer delays to 1 ms, with a warning. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** Between two readings of the uptime. */
const LOOK_INTERVAL_MS = 1000;
/** What is less was not sleep: the uptime has hundredths of a second, and both are not read at once. */
const MIN_SLEEP_MS = 500;

/** Both in milliseconds. */
export interface MachineTime {
  /** Stands still while the machine sleeps. */
  readonly awakeMs: () => number;
  /** Does not; NaN if it cannot be read. */
  readonly uptimeMs: () => number;
}

const MACHINE: MachineTime = {
  awakeMs: () => performance.now(),
  uptimeMs() {
    try {
      return uptime() * 1000;
    } catch {
      // Without /proc. Then nothing is known of sleep.
      return Number.NaN;
    }
  },
};

/** The machine's clock. */
export function nodeClock(machine: MachineTime = MACHINE): Clock {
  const monotonic = new SleepCounter(machine);
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => monotonic.nowMs(),
    after(delayMs, run) {
      if (delayMs > MAX_TIMER_MS) return afterLong(delayMs, run);
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

class SleepCounter {
  readonly #machine: MachineTime;
  /** The uptime when the other clock was 0, sleep left out. */
  readonly #startMs: number;
  #sleptMs = 0;
  #lookAtMs: number;

  constructor(machine: MachineTime) {
    this.#machine = machine;
    const nowMs = machine.awakeMs();
    this.#startMs = machine.uptimeMs() - nowMs;
    this.#lookAtMs = nowMs + LOOK_INTERVAL_MS;
  }

  nowMs(): number {
    const nowMs = this.#machine.awakeMs();
    if (nowMs >= this.#lookAtMs) {
      this.#lookAtMs = nowMs + LOOK_INTERVAL_MS;
      const sleptMs = this.#machine.uptimeMs() - nowMs - this.#startMs;
      if (sleptMs - this.#sleptMs >= MIN_SLEEP_MS) this.#sleptMs = sleptMs;
    }
    return nowMs + this.#sleptMs;
  }
}

/** A delay of more than 24 days, as a chain of timers. */
function afterLong(delayMs: number, run: () => void): () => void {
  let leftMs = delayMs;
  let timer: NodeJS.Timeout;
  const next = (): void => {
    const stepMs = Math.min(leftMs, MAX_TIMER_MS);
    leftMs -= stepMs;
    timer = setTimeout(leftMs > 0 ? next : run, stepMs);
  };
  next();
  return () => clearTimeout(timer);
}
