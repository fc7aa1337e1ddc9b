/**
 * What may be asked of a table, and what it answers.
 *
 * Found, absent and unavailable are three answers: the first two are final, the third
 * means that nobody knows, and the mail is deferred. An answer says which entry it
 * comes from, so that a decision can be explained.
 */
import type { Lookup } from "#base/lookup.ts";
import type { TableService } from "#model/table-service.ts";

/** A `Lookup<string>`; the value is "" in a list. */
export type TableAnswer =
  | {
      readonly kind: "found";
      readonly value: string;
      /** The key of the entry that matched, as written. */
      readonly entry: string;
    }
  | Exclude<Lookup<string>, { readonly kind: "found" }>;

/** Answers at once, unless the table is a remote one. Never throws, and never rejects its promise. */
export type TableLookup = (key: string) => TableAnswer | Promise<TableAnswer>;

/** A look-up in memory. */
export type LocalLookup = (key: string) => TableAnswer;

/** Where the entries of a remote table are: a database, a program. */
export interface TableBackend {
  /**
   * The value of the first of `keys` that the table has, and that key as `entry`: one
   * question, since each may cost a round trip. At most MAX_REMOTE_KEYS.
   */
  lookupAny(service: TableService, keys: readonly string[]): Promise<TableAnswer>;
}
