/** Real time. A timer that is not cancelled keeps the process alive. */
import type { Clock } from "#base/ports/clock.ts";

/** Node cuts longer delays to 1 ms, with a warning. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** The machine's clock. */
export function nodeClock(): Clock {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after(delayMs, run) {
      if (delayMs > MAX_TIMER_MS) return afterLong(delayMs, run);
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  };
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
