/**
 * Frames between those who decide about recipients (the dispatchers, and the queue for
 * bounces) and the process `lookup`, which has the tables that are not in memory.
 *
 * A question names a table of the configuration and the keys that would do, the most
 * telling first; the answer is the first that is there. It names no path and no command:
 * what stands behind a name is in lookup's own configuration.
 */
import { type Codec, list, oneOf, struct, text, u32, union } from "#base/codec.ts";
import { MAX_TABLE_NAME_LENGTH } from "#model/config/defaults.ts";
import { MAX_STORED_KEY_LENGTH, MAX_STORED_VALUE_BYTES } from "#model/table-database.ts";
import { TABLE_SERVICES, type TableService } from "#model/table-service.ts";

/** Keys of one question: the forms of a mail address are the most. */
export const MAX_LOOKUP_KEYS = 512;
/** Questions of one process that have no answer yet. */
export const MAX_LOOKUPS_UNDER_WAY = 10_000;
/** Characters of a key: patterns put `*.` or `@` before what was asked for. */
export const MAX_LOOKUP_KEY_LENGTH: number = MAX_STORED_KEY_LENGTH + 3;
/** UTF-8 has three bytes at most for a UTF-16 unit. */
const MAX_KEY_BYTES: number = 3 * MAX_LOOKUP_KEY_LENGTH;
const MAX_NAME_BYTES: number = 3 * MAX_TABLE_NAME_LENGTH;
/** Why a table cannot be read: may name two paths. */
export const MAX_LOOKUP_REASON_BYTES: number = 16 * 1024;

export interface LookupQuestion {
  readonly request: number;
  readonly table: string;
  readonly service: TableService;
  readonly keys: readonly string[];
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
  | { readonly kind: "unavailable"; readonly request: number; readonly why: string };

const keyCodec: Codec<string> = text(MAX_KEY_BYTES);

export const lookupQuestionCodec: Codec<LookupQuestion> = struct<LookupQuestion>({
  request: u32,
  table: text(MAX_NAME_BYTES),
  service: oneOf(TABLE_SERVICES),
  keys: list(keyCodec, MAX_LOOKUP_KEYS),
});

export const lookupAnswerCodec: Codec<LookupAnswer> = union<LookupAnswer>({
  found: [1, { request: u32, key: keyCodec, value: text(MAX_STORED_VALUE_BYTES) }],
  absent: [2, { request: u32 }],
  unavailable: [3, { request: u32, why: text(MAX_LOOKUP_REASON_BYTES) }],
});
