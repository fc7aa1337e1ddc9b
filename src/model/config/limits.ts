/**
 * The limits of `mta limit`, `mda limit` and `scheduler limit`: names, units and
 * defaults, in one table each, which parser, builder and printer read.
 *
 * Source: smtpd.conf(5); OpenSMTPD limit.c, mda.c, scheduler.c (defaults). The pauses
 * between connections default to 0 here, `session-mail-max` to 1000, and more is at hand
 * and handed out at once; `compat opensmtpd` restores its values.
 */

/** One limit: its word in smtpd.conf, its unit there (we keep ms) and its default. */
export interface LimitTraits {
  readonly word: string;
  readonly unit: "count" | "seconds";
  /** In the unit of the field: ms for times. */
  readonly default: number;
  /** In the unit of the file. */
  readonly min: number;
  readonly max: number;
  /** Under `compat opensmtpd`, where that differs. */
  readonly compatDefault?: number;
}

export type MtaLimitName =
  | "maxConnPerHost"
  | "maxConnPerRoute"
  | "maxConnPerSource"
  | "maxConnPerConnector"
  | "maxConnPerRelay"
  | "maxConnPerDomain"
  | "connDelayHostMs"
  | "connDelayRouteMs"
  | "connDelaySourceMs"
  | "connDelayConnectorMs"
  | "connDelayRelayMs"
  | "connDelayDomainMs"
  | "reconnDelayRouteMs"
  | "sessionMailMax"
  | "sessionTransactionDelayMs"
  | "sessionKeepaliveMs"
  | "maxFailuresPerSession"
  | "taskHiwat"
  | "taskLowat"
  | "taskRelease";

/** `mta limit …`: of one destination domain, or of all that have none of their own. */
export type MtaLimits = Readonly<Record<MtaLimitName, number>> & {
  readonly family: "any" | "inet4" | "inet6";
};

export type MdaLimitName =
  | "maxSession"
  | "maxSessionPerUser"
  | "maxMailPerSession"
  | "taskHiwat"
  | "taskLowat"
  | "taskRelease";
export type MdaLimits = Readonly<Record<MdaLimitName, number>>;

export type SchedulerLimitName =
  | "maxInflight"
  | "maxSchedule"
  | "maxEvpBatchSize"
  | "maxMsgBatchSize";
export type SchedulerLimits = Readonly<Record<SchedulerLimitName, number>>;

const count = (word: string, value: number): LimitTraits => ({
  word,
  unit: "count",
  default: value,
  min: 1,
  max: 1_000_000,
});
const seconds = (word: string, value: number): LimitTraits => ({
  word,
  unit: "seconds",
  default: value * 1000,
  min: 0,
  max: 7 * 24 * 60 * 60,
});
const pause = (word: string, compatSeconds: number): LimitTraits => ({
  ...seconds(word, 0),
  compatDefault: compatSeconds * 1000,
});

const TASK_LIMITS: Readonly<Record<"taskHiwat" | "taskLowat" | "taskRelease", LimitTraits>> = {
  taskHiwat: { ...count("task-hiwat", 1000), compatDefault: 50 },
  taskLowat: { ...count("task-lowat", 500), compatDefault: 30 },
  taskRelease: { ...count("task-release", 1000), compatDefault: 10 },
};

export const MTA_LIMITS: Readonly<Record<MtaLimitName, LimitTraits>> = {
  maxConnPerHost: count("max-conn-per-host", 10),
  maxConnPerRoute: count("max-conn-per-route", 5),
  maxConnPerSource: count("max-conn-per-source", 100),
  maxConnPerConnector: count("max-conn-per-connector", 20),
  maxConnPerRelay: count("max-conn-per-relay", 100),
  maxConnPerDomain: count("max-conn-per-domain", 100),
  connDelayHostMs: seconds("conn-delay-host", 0),
  connDelayRouteMs: pause("conn-delay-route", 5),
  connDelaySourceMs: seconds("conn-delay-source", 0),
  connDelayConnectorMs: seconds("conn-delay-connector", 0),
  connDelayRelayMs: pause("conn-delay-relay", 2),
  connDelayDomainMs: seconds("conn-delay-domain", 0),
  reconnDelayRouteMs: pause("reconn-delay-route", 3),
  sessionMailMax: { ...count("session-mail-max", 1000), compatDefault: 100 },
  sessionTransactionDelayMs: seconds("session-transaction-delay", 0),
  sessionKeepaliveMs: seconds("session-keepalive", 10),
  /** 0: no limit. */
  maxFailuresPerSession: { ...count("max-failures-per-session", 25), min: 0 },
  ...TASK_LIMITS,
};

export const MDA_LIMITS: Readonly<Record<MdaLimitName, LimitTraits>> = {
  maxSession: count("max-session", 50),
  maxSessionPerUser: count("max-session-per-user", 7),
  /** Of OpenSMTPD's each is a process. */
  maxMailPerSession: { ...count("max-mail-per-session", 8), compatDefault: 1 },
  ...TASK_LIMITS,
};

export const SCHEDULER_LIMITS: Readonly<Record<SchedulerLimitName, LimitTraits>> = {
  maxInflight: count("max-inflight", 5000),
  maxSchedule: { ...count("max-schedule", 256), compatDefault: 10 },
  maxEvpBatchSize: count("max-evp-batch-size", 256),
  maxMsgBatchSize: count("max-msg-batch-size", 1024),
};

/** All defaults of one table. */
export function defaultLimits<Name extends string>(
  traits: Readonly<Record<Name, LimitTraits>>,
  compat: "none" | "opensmtpd",
): Readonly<Record<Name, number>> {
  const names = Object.keys(traits) as Name[];
  const pairs = names.map((name) => {
    const { default: usual, compatDefault } = traits[name];
    return [name, compat === "opensmtpd" ? (compatDefault ?? usual) : usual] as const;
  });
  return Object.fromEntries(pairs) as Record<Name, number>;
}
