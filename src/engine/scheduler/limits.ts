/**
 * The limits of smtpd.conf(5) that the queue keeps: on what is under way, and on what is at
 * hand. Others of `mta limit` are about connections and their pauses, and belong to the relay.
 *
 * `max-conn-per-relay` and `max-conn-per-domain` bound the attempts under way: each has one
 * connection at a time. Source: OpenSMTPD limit.c, mda.c, scheduler.c.
 */
import {
  defaultLimits,
  MDA_LIMITS,
  type MdaLimits,
  MTA_LIMITS,
  type MtaLimits,
  SCHEDULER_LIMITS,
} from "#model/config/limits.ts";

/** How much of a route is at hand: up to `taskHiwat`; from `taskLowat` on `taskRelease` more come. */
export type TaskLimits = Pick<MdaLimits, "taskHiwat" | "taskLowat" | "taskRelease">;

/** Of relaying: attempts under way on a route, and for a domain or host whatever the action. */
export type RelayLimits = TaskLimits & Pick<MtaLimits, "maxConnPerRelay" | "maxConnPerDomain">;

/** A `Config` has them. */
export interface SchedulerLimits {
  readonly schedulerLimits: {
    /** Envelopes under way. */
    readonly maxInflight: number;
    /** Attempts that begin before other work has its turn. */
    readonly maxSchedule: number;
  };
  readonly mtaLimits: RelayLimits;
  /** Of single domains, in lower case. */
  readonly mtaDomainLimits: ReadonlyMap<string, RelayLimits>;
  readonly mdaLimits: MdaLimits;
}

export const DEFAULT_SCHEDULER_LIMITS: SchedulerLimits = Object.freeze({
  schedulerLimits: defaultLimits(SCHEDULER_LIMITS, "none"),
  mtaLimits: defaultLimits(MTA_LIMITS, "none"),
  mtaDomainLimits: new Map(),
  mdaLimits: defaultLimits(MDA_LIMITS, "none"),
});

/** Those of a domain, or of all that have none of their own. */
export function relayLimits(limits: SchedulerLimits, domain: string | undefined): RelayLimits {
  if (domain === undefined || limits.mtaDomainLimits.size === 0) return limits.mtaLimits;
  return limits.mtaDomainLimits.get(domain) ?? limits.mtaLimits;
}
