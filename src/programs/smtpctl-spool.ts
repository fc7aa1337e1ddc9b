/** The spool of this machine as smtpctl(8) reads it while no daemon runs. */
import type { Clock } from "#base/ports/clock.ts";
import type { OfflineQueue } from "./smtpctl-offline.ts";

export function nodeOfflineQueue(_clock: Clock): OfflineQueue {
  return { answer: async () => undefined };
}
