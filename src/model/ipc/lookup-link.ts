/**
 * Frames between those who decide about recipients (the dispatchers, and the queue for
 * bounces) and the process `lookup`, which has the tables that are not in memory.
 *
 * A question names a table of the configuration and the keys that would do, the most
 * telling first; the answer is the first that is there. It names no path and no command:
 * what stands behind a name is in lookup's own configuration.
 *
 * Dispatchers also ask what sessions that authenticate need to know (model/authentication.ts):
 * the secrets of users never leave lookup. What a relay shows to its host does, one label at
 * a time, when a connection needs it. And they ask for policies of MTA-STS, which lookup
 * fetches, and for some keys of the tables that say where relays send to and from: those alone
 * are told what nobody asked for by name.
 *
 * Some of what is said is no question, and has no answer: what dispatchers count for TLS
 * reports, and what became of a report that lookup gave to the queue.
 */
import {
  bytes,
  type Codec,
  list,
  oneOf,
  struct,
  text,
  u32,
  union,
  type Variants,
} from "#base/codec.ts";
import { MAX_TOKEN_BYTES } from "#protocols/sasl/bearer.ts";
import { MAX_PASSWORD_BYTES, MAX_USER_BYTES } from "#protocols/sasl/sasl-text.ts";
import type { SaslAnswer, SaslQuestion } from "#protocols/sasl/sasl-step.ts";
import { SCRAM_KEY_BYTES } from "#protocols/sasl/scram-verifier.ts";
import type { AuthAttempt, AuthSource } from "#model/authentication.ts";
import { MAX_STS_HOSTS, STS_MODES, type StsPolicy } from "#protocols/sts/sts-policy.ts";
import { MAX_TABLE_NAME_LENGTH } from "#model/config/defaults.ts";
import type { RelayCredentials } from "#model/relay-credentials.ts";
import { type Staple, stapleCodec } from "#model/staple.ts";
import { MAX_STORED_KEY_LENGTH, MAX_STORED_VALUE_BYTES } from "#model/table-database.ts";
import { TABLE_SERVICES, type TableService } from "#model/table-service.ts";
import type { CountedSessions } from "#model/tls-session.ts";
import {
  LETTER_OUTCOMES,
  letterCodec,
  type LetterOutcome,
  MAX_DOMAIN_BYTES,
  type ReportLetter,
  sessionsCodec,
} from "./tls-report-link.ts";

/** Keys of one question: the forms of a mail address are the most. */
export const MAX_LOOKUP_KEYS = 512;
/** Keys that are fetched at a time. */
export const MAX_FETCHED_KEYS = 64;
/** Questions of one process that have no answer yet. */
export const MAX_LOOKUPS_UNDER_WAY = 10_000;
/** Characters of a key: patterns put `*.` or `@` before what was asked for. */
export const MAX_LOOKUP_KEY_LENGTH: number = MAX_STORED_KEY_LENGTH + 3;
/** UTF-8 has three bytes at most for a UTF-16 unit. */
const MAX_KEY_BYTES: number = 3 * MAX_LOOKUP_KEY_LENGTH;
const MAX_NAME_BYTES: number = 3 * MAX_TABLE_NAME_LENGTH;
/** Of a client, in text form. */
const MAX_ADDRESS_BYTES = 256;
/** Why a table cannot be read: may name two paths. */
export const MAX_LOOKUP_REASON_BYTES: number = 16 * 1024;

/** The first of `keys` that a table has. */
export interface TableQuestion {
  readonly kind: "table";
  readonly request: number;
  readonly table: string;
  readonly service: TableService;
  readonly keys: readonly string[];
}

/** For dispatchers: whom a relay sends to, or from which addresses. */
export interface FetchQuestion {
  readonly kind: "fetch";
  readonly request: number;
  /** One that a relay has for `host` or `src`. */
  readonly table: string;
}

/** For dispatchers, which show them to a relay's host. */
export interface CredentialsQuestion {
  readonly kind: "relay-credentials";
  readonly request: number;
  /** One that a relay has for `auth`. */
  readonly table: string;
  readonly label: string;
}

/** For dispatchers. */
export interface AuthQuestion {
  readonly kind: "auth";
  readonly request: number;
  readonly attempt: AuthAttempt;
}

/** For dispatchers: by which policy of MTA-STS mail for a domain goes. */
export interface StsQuestion {
  readonly kind: "sts";
  readonly request: number;
  readonly domain: string;
}

export type LookupQuestion =
  | TableQuestion
  | FetchQuestion
  | AuthQuestion
  | CredentialsQuestion
  | StsQuestion;

export type LookupNews =
  /** Of dispatchers. */
  | { readonly kind: "tls-sessions"; readonly sessions: readonly CountedSessions[] }
  /** Of the queue, about a `LetterMessage`. */
  | { readonly kind: "letter-ended"; readonly number: number; readonly outcome: LetterOutcome };

/** What lookup is sent. */
export type LookupRequest = LookupQuestion | LookupNews;

export function isNews(request: LookupRequest): request is LookupNews {
  return request.kind === "tls-sessions" || request.kind === "letter-ended";
}

export type LookupAnswer =
  | {
      readonly kind: "found";
      readonly request: number;
      /** The key that is there, and what it stands for. */
      readonly key: string;
      readonly value: string;
    }
  | { readonly kind: "absent"; readonly request: number }
  | { readonly kind: "unavailable"; readonly request: number; readonly why: string }
  /** To a `FetchQuestion`: MAX_FETCHED_KEYS of its keys, or all; of a longer table others each time. */
  | { readonly kind: "fetched"; readonly request: number; readonly keys: readonly string[] }
  /** To an `AuthQuestion`. */
  | { readonly kind: "auth"; readonly request: number; readonly answer: SaslAnswer }
  /** To a `CredentialsQuestion`. */
  | {
      readonly kind: "relay-credentials";
      readonly request: number;
      readonly credentials: RelayCredentials;
    }
  /** To a `StsQuestion`; "absent" where there is none. */
  | { readonly kind: "sts"; readonly request: number; readonly policy: StsPolicy };

/** What lookup says to a dispatcher unasked: with which response a certificate is shown from now on. */
export interface StapleMessage {
  readonly kind: "staple";
  readonly staple: Staple;
}

/** What it says to the queue unasked: a report to be sent. */
export interface LetterMessage {
  readonly kind: "letter";
  readonly number: number;
  readonly letter: ReportLetter;
}

export type LookupMessage = LookupAnswer | StapleMessage | LetterMessage;

const keyCodec: Codec<string> = text(MAX_KEY_BYTES);

/** Case folding and SASLprep may make a name longer. */
const userCodec: Codec<string> = text(3 * MAX_USER_BYTES);
/** Longer than three messages of SCRAM, of which a client's has 2048 at most. */
const MAX_AUTH_MESSAGE_BYTES = 8192;
const MAX_FINGERPRINTS = 2;
const MAX_SALT_BYTES = 64;

const saslQuestionCodec: Codec<SaslQuestion> = union<SaslQuestion>({
  password: [1, { user: userCodec, password: text(MAX_PASSWORD_BYTES) }],
  salt: [2, { user: userCodec }],
  proof: [
    3,
    { user: userCodec, authMessage: text(MAX_AUTH_MESSAGE_BYTES), proof: bytes(SCRAM_KEY_BYTES) },
  ],
  certificate: [4, { user: userCodec, fingerprints: list(text(80), MAX_FINGERPRINTS) }],
  token: [5, { user: userCodec, token: text(MAX_TOKEN_BYTES) }],
});

const saslAnswerCodec: Codec<SaslAnswer> = union<SaslAnswer>({
  accepted: [1, { user: userCodec, signature: bytes(SCRAM_KEY_BYTES) }],
  salt: [2, { salt: bytes(MAX_SALT_BYTES), iterations: u32 }],
  refused: [3, {}],
  unavailable: [4, {}],
});

const sourceCodec: Codec<AuthSource> = union<AuthSource>({
  system: [1, {}],
  table: [2, { name: text(MAX_NAME_BYTES) }],
  oauth: [3, { name: text(MAX_NAME_BYTES) }],
});

const attemptCodec: Codec<AuthAttempt> = struct<AuthAttempt>({
  source: sourceCodec,
  address: text(MAX_ADDRESS_BYTES),
  question: saslQuestionCodec,
});

const relayCredentialsCodec: Codec<RelayCredentials> = struct<RelayCredentials>({
  user: text(MAX_STORED_VALUE_BYTES),
  password: text(MAX_STORED_VALUE_BYTES),
});

const stsPolicyCodec: Codec<StsPolicy> = struct<StsPolicy>({
  mode: oneOf(STS_MODES),
  hosts: list(text(MAX_DOMAIN_BYTES), MAX_STS_HOSTS),
  maxAgeSeconds: u32,
});

const questionVariants: Variants<LookupQuestion> = {
  table: [
    1,
    {
      request: u32,
      table: text(MAX_NAME_BYTES),
      service: oneOf(TABLE_SERVICES),
      keys: list(keyCodec, MAX_LOOKUP_KEYS),
    },
  ],
  auth: [2, { request: u32, attempt: attemptCodec }],
  "relay-credentials": [3, { request: u32, table: text(MAX_NAME_BYTES), label: keyCodec }],
  sts: [4, { request: u32, domain: text(MAX_DOMAIN_BYTES) }],
  fetch: [5, { request: u32, table: text(MAX_NAME_BYTES) }],
};

export const lookupQuestionCodec: Codec<LookupQuestion> = union<LookupQuestion>(questionVariants);

export const lookupRequestCodec: Codec<LookupRequest> = union<LookupRequest>({
  ...questionVariants,
  "tls-sessions": [32, { sessions: sessionsCodec }],
  "letter-ended": [33, { number: u32, outcome: oneOf(LETTER_OUTCOMES) }],
});

export const lookupMessageCodec: Codec<LookupMessage> = union<LookupMessage>({
  found: [1, { request: u32, key: keyCodec, value: text(MAX_STORED_VALUE_BYTES) }],
  absent: [2, { request: u32 }],
  unavailable: [3, { request: u32, why: text(MAX_LOOKUP_REASON_BYTES) }],
  auth: [4, { request: u32, answer: saslAnswerCodec }],
  staple: [5, { staple: stapleCodec }],
  sts: [7, { request: u32, policy: stsPolicyCodec }],
  fetched: [8, { request: u32, keys: list(keyCodec, MAX_FETCHED_KEYS) }],
  "relay-credentials": [6, { request: u32, credentials: relayCredentialsCodec }],
  letter: [32, { number: u32, letter: letterCodec }],
});
