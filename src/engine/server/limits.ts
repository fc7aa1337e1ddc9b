/**
 * Bounds of the SMTP server: how long it waits, how much it keeps, how many it serves.
 *
 * Source: RFC 5321 §4.5.3.2 (time-outs); OpenSMTPD's smtpd.h and limit.c for what it
 * has; Postfix's practice for the limits that OpenSMTPD lacks.
 */

/** RFC 5321 §4.5.3.2.7: a server waits 5 minutes at least for the next command. */
export const COMMAND_TIMEOUT_MS: number = 5 * 60_000;

/** A refusal to authenticate comes this long after the attempt, not sooner. */
export const AUTH_REFUSAL_MS = 1000;

/** How long a client may send nothing between DATA and the final dot. RFC 5321 §4.5.3.2.5 has 3 minutes for clients. */
export const DATA_BLOCK_TIMEOUT_MS: number = 5 * 60_000;

/** A message transfer may take this long, and the time that its bytes are worth at the least rate. */
export const DATA_GRACE_MS: number = 10 * 60_000;

/** Slow-drip protection: 36 MB may take 10 hours, a few bytes now and then may not. */
export const MIN_DATA_BYTES_PER_SECOND = 1000;

/** A connection that we ended is broken off if the peer has not ended it by then. */
export const LINGER_MS = 10_000;
/** So is one on which the peer goes on sending: what it pipelined before it heard of the end is less. */
export const MAX_LINGER_BYTES: number = 1024 * 1024;

/** Replies that a peer may leave unread before we read no more of its commands. */
export const MAX_UNSENT_REPLY_BYTES: number = 64 * 1024;

/** How long a shutdown waits for messages that are on their way. */
export const SHUTDOWN_WAIT_MS = 30_000;

/** How long anyone waits for a reverse name. */
export const REVERSE_WAIT_MS = 3000;
export const MAX_REVERSE_NAMES = 10_000;
export const REVERSE_FOUND_TTL_MS: number = 10 * 60_000;
export const REVERSE_ABSENT_TTL_MS: number = 5 * 60_000;
/** After a failure of DNS the name is asked for again soon. */
export const REVERSE_UNAVAILABLE_TTL_MS = 30_000;

/** RFC 5321 §6.3: a hundred Received headers mean a loop. OpenSMTPD's number. */
export const MAX_RECEIVED_HEADERS = 100;

/** Limits that an operator may want to change. */
export interface SessionLimits {
  readonly maxSessions: number;
  /** From one IPv4 address or one IPv6 /64. */
  readonly maxSessionsPerSource: number;
  /** Clients that were told 421 and have not gone yet; one more is cut off without a word. */
  readonly maxTurnedAway: number;
  readonly maxBadCommands: number;
  readonly maxUnknownRecipients: number;
  readonly maxIdleCommands: number;
  /** Attempts to authenticate that failed, in one session. */
  readonly maxFailedLogins: number;
}

/** Descriptors that clients leave to the rest of the process: deliveries, links, listeners. */
const OTHER_DESCRIPTORS = 1200;

/**
 * The limits of a process that may have so many descriptors. Where they are few, sessions
 * take a quarter and clients that are turned away an eighth: were there none left, a socket
 * handed over by another process, the way to a delivery agent, would be dropped by recvmsg(2).
 */
export function limitsFor(maxOpenFiles: number): SessionLimits {
  const most = Math.max(maxOpenFiles - OTHER_DESCRIPTORS, Math.floor(maxOpenFiles / 4));
  return {
    ...DEFAULT_LIMITS,
    maxSessions: Math.min(DEFAULT_LIMITS.maxSessions, most),
    maxTurnedAway: Math.min(DEFAULT_LIMITS.maxTurnedAway, Math.floor(maxOpenFiles / 8)),
  };
}

export const DEFAULT_LIMITS: SessionLimits = Object.freeze({
  maxSessions: 4096,
  maxSessionsPerSource: 512,
  maxTurnedAway: 256,
  maxBadCommands: 20,
  maxUnknownRecipients: 100,
  maxIdleCommands: 100,
  maxFailedLogins: 5,
});
