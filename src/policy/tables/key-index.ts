/**
 * The entries of a table by their keys in lower case.
 *
 * The keys of a table are kept as written. Most are in lower case already, and are found
 * in the table itself; only for the others is there a map of our own. Of two keys that
 * differ in case alone the later counts, as in OpenSMTPD.
 */
import type { TableAnswer } from "./answers.ts";

type Found = Extract<TableAnswer, { readonly kind: "found" }>;
type Entries = ReadonlyMap<string, string>;

/** How keys are compared that are no passwords or patterns. */
export function foldKey(key: string): string {
  return key.toLowerCase();
}

export class KeyIndex {
  readonly #entries: Entries;
  /** Keys as written, by what they fold to, of those that folding changes. */
  readonly #written = new Map<string, string>();

  constructor(entries: Entries) {
    this.#entries = entries;
    for (const key of entries.keys()) {
      const folded = foldKey(key);
      if (folded !== key) this.#written.set(folded, key);
      else if (this.#written.size > 0) this.#written.delete(key);
    }
  }

  /** @param folded a key in lower case. */
  get(folded: string): Found | undefined {
    const entry = this.#written.size === 0 ? folded : (this.#written.get(folded) ?? folded);
    const value = this.#entries.get(entry);
    return value === undefined ? undefined : { kind: "found", value, entry };
  }
}
