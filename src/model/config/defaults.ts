/**
 * Values that a configuration need not give, and the bounds of those that it does.
 * The table of the manual is this one.
 */
import { MAX_ENVELOPES } from "#model/envelope.ts";

export interface NumberSetting {
  /** As written in smtpd.conf. */
  readonly directive: string;
  readonly unit: "bytes" | "count" | "ms";
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Where the default comes from. */
  readonly source: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;

export type NumberSettingName =
  | "maxMessageBytes"
  | "maxRecipients"
  | "maxMailsPerSession"
  | "queueTtlMs"
  | "traceAgeMs"
  | "traceBytes"
  | "mtaMaxDeferred";

/** The numbers of `Config`, by the name that they have there. */
export const SETTINGS: Readonly<Record<NumberSettingName, NumberSetting>> = {
  maxMessageBytes: {
    directive: "smtp max-message-size",
    unit: "bytes",
    default: 35 * 1024 * 1024,
    min: 1,
    max: 1024 ** 4,
    source: "OpenSMTPD smtpd.conf(5)",
  },
  maxRecipients: {
    directive: "smtp limit max-rcpt",
    unit: "count",
    default: 1000,
    // RFC 5321 §4.5.3.1.8 asks for 100, of servers that are for everybody.
    min: 1,
    max: MAX_ENVELOPES,
    source: "OpenSMTPD smtpd.conf(5)",
  },
  maxMailsPerSession: {
    directive: "smtp limit max-mails",
    unit: "count",
    default: 100,
    min: 1,
    max: 1_000_000,
    source: "OpenSMTPD smtpd.conf(5)",
  },
  queueTtlMs: {
    directive: "queue ttl",
    unit: "ms",
    default: 4 * DAY_MS,
    min: 1000,
    max: 3650 * DAY_MS,
    source: "OpenSMTPD smtpd.conf(5); RFC 5321 §4.5.4.1",
  },
  traceAgeMs: {
    directive: "trace age",
    unit: "ms",
    default: 7 * DAY_MS,
    min: 3_600_000,
    max: 3650 * DAY_MS,
    source: "our own: a week, as most complaints come within days",
  },
  traceBytes: {
    directive: "trace size",
    unit: "bytes",
    default: 256 * 1024 * 1024,
    // Some files of the trace.
    min: 16 * 1024 * 1024,
    max: 1024 ** 4,
    source: "our own: two million messages and more",
  },
  mtaMaxDeferred: {
    directive: "mta max-deferred",
    unit: "count",
    default: 100,
    min: 0,
    max: 1_000_000,
    source: "OpenSMTPD parse.y",
  },
};

/** `smtp sub-addr-delim`. Source: OpenSMTPD smtpd.conf(5). */
export const DEFAULT_SUB_ADDRESS_DELIMITER = "+";
/** `bounce warn-interval`. Source: OpenSMTPD smtpd.conf(5). */
export const DEFAULT_BOUNCE_WARN_INTERVALS_MS: readonly number[] = [4 * 60 * 60 * 1000];
/** OpenSMTPD's, smtpd.h; it ignores further ones, we complain. */
export const MAX_BOUNCE_WARN_INTERVALS = 4;
/** `srs ttl`. Source: OpenSMTPD smtpd.conf(5). */
export const DEFAULT_SRS_TTL_MS: number = 4 * DAY_MS;
/** `srs ttl` is kept in whole days. Source: OpenSMTPD parse.y. */
export const MIN_SRS_TTL_MS: number = DAY_MS;
/** A key of AES-256. Source: OpenSMTPD smtpd.conf(5) (queue encryption). */
export const QUEUE_KEY_LENGTH = 32;
/** Certificates of one listener. Source: OpenSMTPD smtpd.h. */
export const MAX_LISTENER_PKIS = 32;
/** Filters in a chain: each is a program that every session waits for. */
export const MAX_CHAIN_LENGTH = 64;
/** `listen on … smtps`. Source: RFC 8314 §7.3. */
export const DEFAULT_SMTPS_PORT = 465;
/** `listen on ADDRESS`. Source: RFC 5321 §4.5.4.2. */
export const DEFAULT_SMTP_PORT = 25;
/** `listen on socket … mode`: any local program may submit, as over loopback. */
export const DEFAULT_SOCKET_MODE = 0o666;
/** `maildir` without a path. */
export const DEFAULT_MAILDIR = "~/Maildir";

/** Ports by name, for `port NAME`. Source: the IANA service names registry. */
export const SMTP_SERVICES: Readonly<Record<string, number>> = {
  smtp: 25,
  smtps: 465,
  submission: 587,
  submissions: 465,
};

/** OpenSMTPD's, smtpd.h. */
export const MAX_TAG_LENGTH = 32;
/** OpenSMTPD's, smtpd.h. */
export const MAX_TABLE_NAME_LENGTH = 64;
/** Where an issuer of tokens is asked. */
export const MAX_URL_LENGTH = 2048;
/** What we show an issuer of tokens. */
export const MAX_SECRET_LENGTH = 1024;
/** Name of an action, in characters: an envelope keeps it in MAX_NAME_BYTES of UTF-8. */
export const MAX_ACTION_NAME_LENGTH = 255;
/** Largest TCP port. */
export const MAX_PORT = 65_535;
/** `sun_path` of Linux without its final NUL, unix(7). */
export const MAX_SOCKET_PATH_BYTES = 107;
/** A file that includes itself is found out here. */
export const MAX_INCLUDE_DEPTH = 16;
/** Files that include each other twice would double at each level. */
export const MAX_INCLUDED_FILES = 1000;
