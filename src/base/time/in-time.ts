/** An answer that is waited for no longer than a time. */
import type { Clock } from "#base/ports/clock.ts";

export interface Waiting {
  readonly clock: Clock;
  readonly ms: number;
}

/** What `asked` resolves with, or `late` where that takes too long. Rejects as `asked` does. */
export async function inTime<Value>(
  asked: Promise<Value>,
  { clock, ms }: Waiting,
  late: () => Value,
): Promise<Value> {
  const { promise, resolve } = Promise.withResolvers<Value>();
  const cancel = clock.after(ms, () => resolve(late()));
  try {
    return await Promise.race([asked, promise]);
  } finally {
    cancel();
  }
}
