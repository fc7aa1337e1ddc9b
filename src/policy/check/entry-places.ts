/** Where an entry of a table stands: its line in the file, or the line of the configuration that has the table. */
import type { ReadFile } from "#model/config/config-source.ts";
import type { Place } from "#model/config/place.ts";
import type { Table } from "#model/config/table.ts";
import { parseTableFile } from "#model/config/table-file.ts";

export class EntryPlaces {
  readonly #read: ReadFile;
  readonly #lines = new Map<string, ReadonlyMap<string, number>>();

  /** @param read the files of tables; they are read again only if a place is asked for. */
  constructor(read: ReadFile) {
    this.#read = read;
  }

  of({ at, source }: Table, key: string): Place {
    const line = source.kind === "file" ? this.#linesOf(source.path).get(key) : undefined;
    return line === undefined || source.kind !== "file"
      ? at
      : { file: source.path, line, column: 1 };
  }

  #linesOf(path: string): ReadonlyMap<string, number> {
    const known = this.#lines.get(path);
    if (known !== undefined) return known;
    const text = this.#read(path);
    const parsed = typeof text === "string" ? parseTableFile(text) : undefined;
    const entries = parsed?.kind === "table" ? parsed.entries : [];
    // Of two lines with one key the later counts.
    const lines = new Map(entries.map(({ key, line }) => [key, line]));
    this.#lines.set(path, lines);
    return lines;
  }
}
