/**
 * Makes checks, some at a time, each and all of them in bounded time. The answers are in
 * the order of the questions; what did not come in time is unknown.
 */
import type { Clock } from "#base/ports/clock.ts";
import { Semaphore } from "#base/semaphore.ts";
import { inTime } from "#base/time/in-time.ts";
import { type Check, type Checked, unknown, type Verdict } from "./verdict.ts";

/** What waits is DNS, mostly. */
const CHECKS_AT_ONCE = 8;
/** Of one check. */
export const CHECK_WITHIN_MS = 20_000;
/** Of all together. */
export const CHECKUP_WITHIN_MS = 90_000;

export async function checkUp(checks: readonly Check[], clock: Clock): Promise<readonly Checked[]> {
  const places = new Semaphore(CHECKS_AT_ONCE);
  const endMs = clock.monotonicMs() + CHECKUP_WITHIN_MS;
  return Promise.all(
    checks.map(({ name, subject, look }) =>
      places.run(async () => {
        const leftMs = Math.min(CHECK_WITHIN_MS, endMs - clock.monotonicMs());
        const verdict =
          leftMs > 0 ? await inTime(look(), { clock, ms: leftMs }, () => TOO_LATE) : TOO_LATE;
        return { name, subject, ...verdict };
      }),
    ),
  );
}

const TOO_LATE: Verdict = unknown("it was not looked at in time", "ask again later");
