/** Limits of the queue, all defaults but for those that a test names. */
import { DEFAULT_SCHEDULER_LIMITS, type SchedulerLimits } from "#engine/scheduler/limits.ts";

type Named = Partial<
  SchedulerLimits["schedulerLimits"] & SchedulerLimits["mtaLimits"] & SchedulerLimits["mdaLimits"]
>;

/** A name that relaying and local delivery both have counts for both. */
export function queueLimits(named: Named): SchedulerLimits {
  const { schedulerLimits, mtaLimits, mdaLimits } = DEFAULT_SCHEDULER_LIMITS;
  return {
    schedulerLimits: { ...schedulerLimits, ...named },
    mtaLimits: { ...mtaLimits, ...named },
    mtaDomainLimits: new Map(),
    mdaLimits: { ...mdaLimits, ...named },
  };
}
