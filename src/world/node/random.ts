/** Unpredictable numbers from the system, drawn a kilobyte at a time. */
import { getRandomValues, randomFillSync } from "node:crypto";
import type { Random } from "#base/ports/random.ts";

/** Numbers drawn at once: one call of the system for each message would cost more than the rest of its id. */
const BATCH_WORDS = 256;

/** The system's random numbers. Each one is used once and then wiped. */
export function nodeRandom(): Random {
  const batch = new Uint32Array(BATCH_WORDS);
  let used = BATCH_WORDS;
  return {
    fill: (target) => randomFillSync(target),
    uint32() {
      if (used === BATCH_WORDS) {
        getRandomValues(batch);
        used = 0;
      }
      const word = batch[used] ?? 0;
      batch[used++] = 0;
      return word;
    },
  };
}
