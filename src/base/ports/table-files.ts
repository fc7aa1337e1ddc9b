/** Files of `db:` tables, each asked for one key after another (model/table-database.ts). */
import type { Lookup } from "#base/lookup.ts";

export interface StoredEntry {
  readonly key: string;
  readonly value: string;
}

export interface TableFile {
  /**
   * The first of `keys`, in any case, that the file has, with its key there. The file is looked at
   * anew for each question, so one that was replaced answers at once, and one that could
   * not be read is tried again. Never throws.
   */
  lookupAny(keys: readonly string[]): Lookup<StoredEntry>;
  /**
   * Up to `most` keys in their order: first those behind `key`, then from the beginning on. Fewer
   * are all that there are. Looked at anew as well; never throws.
   */
  keysAfter(key: string, most: number): Lookup<readonly string[]>;
  /** Why it cannot be read now; undefined if it can. */
  fault(): Error | undefined;
  close(): void;
}

export interface TableFiles {
  /** Opens nothing yet. */
  table(path: string): TableFile;
}
