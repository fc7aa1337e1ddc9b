/**
 * The files of `db:` tables, read with SQLite.
 *
 * A file that makemap put in the place of an older one is seen at the next question, by
 * its number, time or size; so is one that was changed in place. A question costs a
 * stat(2) and a walk down a B-tree, some microseconds each.
 *
 * SQLite opens files outside Node's permission model, so this belongs to a process that
 * does nothing else (processes/lookup.ts).
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { ABSENT, found, type Lookup } from "#base/lookup.ts";
import type { StoredEntry, TableFile, TableFiles } from "#base/ports/table-files.ts";
import { DATABASE_HEADER_BYTES, layoutFault, storedKey } from "#model/table-database.ts";
import { dbFileFault } from "#model/config/db-file.ts";

export function nodeTableFiles(): TableFiles {
  return { table: (path) => new SqliteTable(path) };
}

interface Opened {
  readonly database: DatabaseSync;
  readonly byKey: StatementSync;
  readonly behind: StatementSync;
  readonly upTo: StatementSync;
  /** Of the file as it was when it was opened. */
  readonly mark: string;
}

class SqliteTable implements TableFile {
  readonly #path: string;
  #opened: Opened | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  lookupAny(keys: readonly string[]): Lookup<StoredEntry> {
    return this.#ask(({ byKey }) => {
      for (const key of keys) {
        const stored = storedKey(key);
        const value = byKey.get(stored)?.["value"];
        if (value !== undefined) return found({ key: stored, value: String(value) });
      }
      return ABSENT;
    });
  }

  keysAfter(key: string, most: number): Lookup<readonly string[]> {
    return this.#ask(({ behind, upTo }) => {
      const keys = keysOf(behind.all(key, most));
      if (keys.length < most) keys.push(...keysOf(upTo.all(key, most - keys.length)));
      return found(keys);
    });
  }

  fault(): Error | undefined {
    const answer = this.lookupAny([""]);
    return answer.kind === "unavailable" ? answer.cause : undefined;
  }

  close(): void {
    this.#opened?.database.close();
    this.#opened = undefined;
  }

  #ask<Value>(question: (opened: Opened) => Lookup<Value>): Lookup<Value> {
    try {
      return question(this.#open());
    } catch (cause) {
      // Damaged, locked or gone: the next question opens it anew.
      this.close();
      return { kind: "unavailable", cause: asError(cause) };
    }
  }

  /** The file as it is now. @throws if it cannot be read. */
  #open(): Opened {
    const mark = markOf(this.#path);
    if (this.#opened?.mark === mark) return this.#opened;
    this.close();
    const database = openTable(this.#path);
    try {
      const byKey = database.prepare("SELECT value FROM entries WHERE key = ?");
      const behind = database.prepare(keysWhere("key > ?"));
      const upTo = database.prepare(keysWhere("key <= ?"));
      this.#opened = { database, byKey, behind, upTo, mark };
      return this.#opened;
    } catch (error) {
      database.close();
      throw error;
    }
  }
}

/** Every entry of the table at `path`, in the order of its keys. @throws if it cannot be read. */
export function* readTable(path: string): Generator<StoredEntry> {
  markOf(path);
  using database = openTable(path);
  const rows = database.prepare("SELECT key, value FROM entries ORDER BY key").iterate();
  for (const { key, value } of rows) yield { key: String(key), value: String(value) };
}

function keysWhere(condition: string): string {
  return `SELECT key FROM entries WHERE ${condition} ORDER BY key LIMIT ?`;
}

function keysOf(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  return rows.map(({ key }) => String(key));
}

/** What changes when the file does. @throws if it is no file that can be read. */
function markOf(path: string): string {
  const stat = statSync(path, { bigint: true });
  // A pipe or a device would hold up the process.
  if (!stat.isFile()) throw new Error(`${path}: it is not a file`);
  return `${stat.dev}:${stat.ino}:${stat.mtimeNs}:${stat.size}`;
}

function openTable(path: string): DatabaseSync {
  const header = headerOf(path);
  const fault = dbFileFault(path, header);
  if (fault !== undefined) throw new Error(`${fault.message}; ${fault.hint}`);
  const reason = layoutFault(header);
  if (reason !== undefined) throw new Error(`${path}: ${reason}`);
  const database = new DatabaseSync(path, { readOnly: true, allowExtension: false });
  try {
    // A view could run whatever its text says.
    const kind = database.prepare("SELECT type FROM sqlite_schema WHERE name = 'entries'").get();
    if (kind?.["type"] !== "table") throw new Error(`${path}: it has no table of entries`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function headerOf(path: string): Uint8Array {
  const header = new Uint8Array(DATABASE_HEADER_BYTES);
  const fd = openSync(path, "r");
  try {
    return header.subarray(0, readSync(fd, header));
  } finally {
    closeSync(fd);
  }
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
