/** Files of `db:` tables in memory, for tests. */
import { ABSENT, found } from "#base/lookup.ts";
import type { TableFile, TableFiles } from "#base/ports/table-files.ts";
import { storedKey } from "#model/table-database.ts";

export class MemoryTableFiles implements TableFiles {
  /** By path; an Error is why the file cannot be read. */
  readonly contents: Map<string, ReadonlyMap<string, string> | Error> = new Map();
  /** Files that are open. */
  open = 0;

  table(path: string): TableFile {
    this.open++;
    const content = () => this.contents.get(path) ?? new Error(`ENOENT: no such file, '${path}'`);
    return {
      lookupAny(keys) {
        const entries = content();
        if (entries instanceof Error) return { kind: "unavailable", cause: entries };
        const key = keys.map(storedKey).find((each) => entries.has(each));
        return key === undefined ? ABSENT : found({ key, value: entries.get(key) ?? "" });
      },
      keysAfter(key, most) {
        const entries = content();
        if (entries instanceof Error) return { kind: "unavailable", cause: entries };
        const keys = [...entries.keys()].toSorted();
        const behind = keys.filter((each) => each > key);
        return found([...behind, ...keys.filter((each) => each <= key)].slice(0, most));
      },
      fault() {
        const entries = content();
        return entries instanceof Error ? entries : undefined;
      },
      close: () => void this.open--,
    };
  }
}
