/**
 * What travels about TLS reports: from dispatchers to lookup what became of sessions, and from
 * lookup to the queue a report that is to be sent by mail.
 *
 * A report is named by whom it is about and where it goes; who sends it is in the queue's own
 * configuration, and the queue writes the message around it.
 */
import {
  bytes,
  type Codec,
  type Fields,
  list,
  oneOf,
  optional,
  struct,
  text,
  u32,
} from "#base/codec.ts";
import {
  FAILURE_TYPES,
  POLICY_TYPES,
  type ReportedPolicy,
  type SessionFailure,
} from "#protocols/tlsrpt/tls-report.ts";
import { addressCodec } from "#model/envelope.ts";
import {
  type CountedSessions,
  MAX_POLICY_STRING_LENGTH,
  MAX_POLICY_STRINGS,
  MAX_SESSION_REASON_LENGTH,
} from "#model/tls-session.ts";

/** Of a frame, so that it has room for the longest ones. */
export const MAX_SESSIONS_A_FRAME = 32;
/** With base64 and a header it is a text that the queue keeps in one record. */
export const MAX_REPORT_BYTES: number = 160 * 1024;
export const MAX_DOMAIN_BYTES = 256;
const MAX_IP_BYTES = 64;
/** A file name has two domains in it. */
const MAX_FILE_NAME_BYTES = 1024;
export const MAX_REPORT_ID_BYTES = 512;

/** A report that is to go by mail. */
export interface ReportLetter {
  readonly to: string;
  /** Whom it is about. */
  readonly domain: string;
  readonly reportId: string;
  readonly fileName: string;
  readonly gzip: Uint8Array;
}

/** "refused": it will never be taken. */
export const LETTER_OUTCOMES = ["taken", "refused", "later"] as const;
export type LetterOutcome = (typeof LETTER_OUTCOMES)[number];

const domainCodec: Codec<string> = text(MAX_DOMAIN_BYTES);
const stringsCodec: Codec<readonly string[]> = list(
  text(MAX_POLICY_STRING_LENGTH),
  MAX_POLICY_STRINGS,
);

export const policyCodec: Codec<ReportedPolicy> = struct<ReportedPolicy>({
  type: oneOf(POLICY_TYPES),
  domain: domainCodec,
  strings: stringsCodec,
  mxHosts: stringsCodec,
});

export const failureFields: Fields<SessionFailure> = {
  type: oneOf(FAILURE_TYPES),
  reason: text(MAX_SESSION_REASON_LENGTH),
  sendingIp: text(MAX_IP_BYTES),
  mxHost: domainCodec,
  receivingIp: text(MAX_IP_BYTES),
};

export const sessionsCodec: Codec<readonly CountedSessions[]> = list(
  struct<CountedSessions>({
    domain: domainCodec,
    policy: policyCodec,
    failure: optional(struct<SessionFailure>(failureFields)),
    sessions: u32,
  }),
  MAX_SESSIONS_A_FRAME,
);

export const letterCodec: Codec<ReportLetter> = struct<ReportLetter>({
  to: addressCodec,
  domain: domainCodec,
  reportId: text(MAX_REPORT_ID_BYTES),
  fileName: text(MAX_FILE_NAME_BYTES),
  gzip: bytes(MAX_REPORT_BYTES),
});
