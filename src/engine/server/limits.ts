/**
 * Bounds of the SMTP server: how long it waits, how much it keeps, how many it serves.
 *
 * Source: RFC 5321 §4.5.3.2 (time-outs); OpenSMTPD's smtpd.h and limit.c for what it
 * has; Postfix's practice for the limits that OpenSMTPD lacks.
 */

/** What a client is given to do what it should. A session takes longer only while the answer is ours to give. */
export interface Patience {
  /** For TLS: from the 220 to STARTTLS, or from the connection, to the end of the handshake. */
  readonly handshakeMs: number;
  /** Until the next command is there whole. */
  readonly commandMs: number;
  /** From the greeting, or the end of a message, to DATA, with whatever commands. */
  readonly transactionMs: number;
  /** Without an octet of a message. */
  readonly dataBlockMs: number;
  /** For a whole message, besides the time that its octets are worth at MIN_DATA_BYTES_PER_SECOND. */
  readonly dataGraceMs: number;
}

/** RFC 5321 §4.5.3.2.7: a server waits 5 minutes at least for the next command; §4.5.3.2.5 has 3 for text. */
export const PATIENT: Patience = Object.freeze({
  handshakeMs: 60_000,
  commandMs: 5 * 60_000,
  transactionMs: 60 * 60_000,
  dataBlockMs: 5 * 60_000,
  dataGraceMs: 10 * 60_000,
});

/** Under stress: less than RFC 5321 asks for, as Postfix's STRESS_README, so that there is room for who hurries. */
export const PRESSED: Patience = Object.freeze({
  handshakeMs: 10_000,
  commandMs: 10_000,
  transactionMs: 5 * 60_000,
  dataBlockMs: 30_000,
  dataGraceMs: 60_000,
});

/** Slow-drip protection: 36 MB may take 10 hours, a few bytes now and then may not. */
export const MIN_DATA_BYTES_PER_SECOND = 1000;

/** The whole session, whatever happens in it: more than the largest message takes at the least rate. */
export const SESSION_MS: number = 24 * 60 * 60_000;

/** All that sessions hold of what they were sent, but for the texts that wait for the queue, which bounds them. */
export const MAX_HELD_BYTES: number = 256 * 1024 * 1024;
/** One session of them: the envelopes of the largest list, and what came behind it. */
export const MAX_SESSION_HELD_BYTES: number = 64 * 1024 * 1024;
/** What they hold is added up when it may have grown by so much. */
export const HELD_BYTES_BETWEEN_LOOKS: number = MAX_HELD_BYTES / 16;

/** Stress begins with this part of all sessions, and ends with that one. */
export const STRESS_FROM = 0.8;
export const STRESS_UNTIL = 0.7;

/** What comes in floods, as clients that are turned away, is told of once in this time, with its number. */
export const TOLD_AGAIN_MS = 1000;

/** How long a proxy may take to say for whom it connects, and how many may be about to. */
export const PROXY_TIMEOUT_MS = 5000;
export const MAX_PENDING_PROXIES = 256;

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
  /** Of them, for clients on this machine: others never take these. */
  readonly reservedSessions: number;
  /** From one IPv4 address or one IPv6 /64. */
  readonly maxSessionsPerSource: number;
  /** Of one user of this machine. */
  readonly maxSessionsPerUser: number;
  /** Messages of one user of this machine: so many each second, after a burst. */
  readonly userMessagesPerSecond: number;
  readonly userMessageBurst: number;
  /** New connections from one source: so many each second, after a burst. Not for clients on this machine. */
  readonly connectionsPerSecond: number;
  readonly connectionBurst: number;
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
  const maxSessions = Math.min(DEFAULT_LIMITS.maxSessions, most);
  return {
    ...DEFAULT_LIMITS,
    maxSessions,
    reservedSessions: Math.min(DEFAULT_LIMITS.reservedSessions, Math.floor(maxSessions / 16)),
    // Those who are on this machine have a part for themselves, and no one of them all of it.
    maxSessionsPerUser: Math.min(DEFAULT_LIMITS.maxSessionsPerUser, Math.ceil(maxSessions / 4)),
    maxTurnedAway: Math.min(DEFAULT_LIMITS.maxTurnedAway, Math.floor(maxOpenFiles / 8)),
  };
}

export const DEFAULT_LIMITS: SessionLimits = Object.freeze({
  maxSessions: 12_288,
  reservedSessions: 256,
  maxSessionsPerSource: 512,
  maxSessionsPerUser: 128,
  userMessagesPerSecond: 100,
  userMessageBurst: 50_000,
  connectionsPerSecond: 20,
  connectionBurst: 200,
  maxTurnedAway: 256,
  maxBadCommands: 20,
  maxUnknownRecipients: 100,
  maxIdleCommands: 100,
  maxFailedLogins: 5,
});
