/** Tables of the configuration, and how what is asked about is compared with their keys. */
import type { Place } from "./place.ts";

export type TableSource =
  | { readonly kind: "inline" }
  /** `file:PATH` or a bare path: read at start and by `update table`. */
  | { readonly kind: "file"; readonly path: string }
  /** `db:PATH`: a SQLite file that makemap made, asked at each look-up. */
  | { readonly kind: "db"; readonly path: string }
  /** `passwd:PATH`: users and credentials in the form of passwd(5), read as a file is. */
  | { readonly kind: "passwd"; readonly path: string }
  /** `<localhost>` and its like, which the server makes. */
  | { readonly kind: "builtin" }
  /** Any other backend: the program `table-NAME`. */
  | { readonly kind: "program"; readonly backend: string; readonly parameter: string | undefined };

/** A list or mapping of the configuration. */
export interface Table {
  readonly at: Place;
  /** `<dynamic:N>` for an anonymous one. */
  readonly name: string;
  readonly source: TableSource;
  /** "remote": entries are not here, each look-up asks the backend; it may be used as either. */
  readonly shape: "list" | "mapping" | "remote";
  /**
   * Keys in the order given, as written: who compares folds them, where its service
   * does. The value is "" in a list.
   */
  readonly entries: ReadonlyMap<string, string>;
}

/** A table and how keys are compared with it: by its service, or as patterns. */
export interface TableMatch {
  readonly table: Table;
  readonly regex: boolean;
}
