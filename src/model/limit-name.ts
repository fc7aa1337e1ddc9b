/**
 * The limits of the SMTP server by the names that the log and `show stats`
 * (`smtp.limit.NAME`) have for them.
 */
import type { SessionLimit } from "#protocols/smtp/server-session-state.ts";

/** A client that is not served, and why. */
export type AdmissionLimit =
  | "sessions"
  | "sessions-per-source"
  /** Of one user of this machine. */
  | "sessions-per-user"
  /** A client of this machine whose user could not be looked up. */
  | "unknown-user"
  | "connection-rate"
  /** Proxies that have not said yet for whom they connect. */
  | "pending-proxies"
  /** The service is paused, or ends: no limit, but a client turned away as well. */
  | "paused";

/** A session that is ended for the time that it takes. */
export type TimeLimit =
  | "command-time"
  | "transaction-time"
  | "data-time"
  | "data-rate"
  | "session-time"
  | "handshake-time";

/** A command that is refused, while the session goes on. */
export type RefusalLimit =
  | "recipients"
  | "mails"
  | "message-size"
  | "received-fields"
  | "messages-per-user";

export type LimitName =
  | AdmissionLimit
  | TimeLimit
  | RefusalLimit
  | SessionLimit
  | "line-length"
  | "memory";

/** A report that its sender does not get: `queue.bounce.limit.NAME`. */
export type NoticeLimit =
  /** To one address in an hour. */
  | "notices-per-sender"
  /** To senders who did not authenticate, in an hour. */
  | "notices-to-strangers";
