/** By what the envelopes of the queue can be counted: `smtpctl show queue --by`. */
export const GROUPINGS = ["domain", "from", "to", "reason", "error", "route", "action"] as const;
export type Grouping = (typeof GROUPINGS)[number];
