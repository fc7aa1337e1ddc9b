/**
 * The scheduler's limits: name, default, what it counts. Defaults are OpenSMTPD's
 * (limit.c, parse.y). Its other `mta limit` keys count connections and belong to the relay.
 */

export interface SchedulerLimits {
  /** `scheduler limit max-inflight`: envelopes being attempted. */
  readonly maxInflight: number;
  /** `mta limit max-conn-per-relay`: attempts under way on one relay route. */
  readonly mtaMaxPerRelay: number;
  /** `mda limit max-session`: local attempts under way. */
  readonly mdaMaxSession: number;
  /** `mda limit max-session-per-user`: attempts under way for one user. */
  readonly mdaMaxSessionPerUser: number;
}

export const DEFAULT_SCHEDULER_LIMITS: SchedulerLimits = Object.freeze({
  maxInflight: 5000,
  mtaMaxPerRelay: 100,
  mdaMaxSession: 50,
  mdaMaxSessionPerUser: 7,
});
