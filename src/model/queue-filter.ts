/**
 * Which envelopes of the queue an operator means: what the options `--from`, `--domain`
 * and so on of smtpctl(8) say, as values that travel to the queue.
 *
 * All that is given must hold; of several values for one thing, any. What the patterns
 * mean is decided in the queue (engine/queue/filter.ts).
 */
import { type Codec, list, oneOf, optional, struct, text, u53, union } from "#base/codec.ts";

/** Values for one thing. */
export const MAX_PATTERNS = 16;
export const MAX_PATTERN_BYTES = 512;

/** In each text a `*` stands for any run of characters. */
export type AddressPattern =
  /** The null reverse-path. */
  | { readonly kind: "null" }
  | { readonly kind: "domain"; readonly domain: string }
  /** A local part, in any domain. */
  | { readonly kind: "local-part"; readonly localPart: string }
  | { readonly kind: "address"; readonly address: string };

/** As `show queue` has them; "offline" when no daemon runs. */
export const QUEUE_STATES = ["pending", "inflight", "offline"] as const;
export type QueueState = (typeof QUEUE_STATES)[number];

export interface QueueFilter {
  readonly from: readonly AddressPattern[];
  /** The recipient, as the client gave it or after expansion. */
  readonly to: readonly AddressPattern[];
  /** Of the destination; patterns. */
  readonly domains: readonly string[];
  /** Names of routes; patterns. */
  readonly routes: readonly string[];
  /** Names of actions; patterns. */
  readonly actions: readonly string[];
  /** Names of reasons to wait; patterns. */
  readonly reasons: readonly string[];
  /** What was said at the last try; patterns. */
  readonly errors: readonly string[];
  readonly state: QueueState | undefined;
  /** How long it has been in the queue. */
  readonly olderThanMs: number | undefined;
  readonly newerThanMs: number | undefined;
}

/** Everything. */
export const NO_FILTER: QueueFilter = Object.freeze({
  from: [],
  to: [],
  domains: [],
  routes: [],
  actions: [],
  reasons: [],
  errors: [],
  state: undefined,
  olderThanMs: undefined,
  newerThanMs: undefined,
});

const pattern: Codec<string> = text(MAX_PATTERN_BYTES);
const patterns: Codec<readonly string[]> = list(pattern, MAX_PATTERNS);
const addressPatterns: Codec<readonly AddressPattern[]> = list(
  union<AddressPattern>({
    null: [1, {}],
    domain: [2, { domain: pattern }],
    "local-part": [3, { localPart: pattern }],
    address: [4, { address: pattern }],
  }),
  MAX_PATTERNS,
);

export const queueFilterCodec: Codec<QueueFilter> = struct<QueueFilter>({
  from: addressPatterns,
  to: addressPatterns,
  domains: patterns,
  routes: patterns,
  actions: patterns,
  reasons: patterns,
  errors: patterns,
  state: optional(oneOf(QUEUE_STATES)),
  olderThanMs: optional(u53),
  newerThanMs: optional(u53),
});
