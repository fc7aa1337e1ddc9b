/**
 * Writes the file of a `db:` table, in the place of an older one.
 *
 * The database is made in memory and written to a new file beside the old one, which
 * takes its name once its bytes are durable: readers see the whole old table or the
 * whole new one, whatever stops the machine. The new file is only ever reached by its
 * descriptor, so nobody who can write to the folder can have something else written.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { StoredEntry } from "#base/ports/table-files.ts";
import { TABLE_SCHEMA } from "#model/table-database.ts";

/** Who owns a file, and who may read it. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Of a file that is made of the standard input. */
const PLAIN_MODE = 0o644;

/**
 * @param entries no key twice.
 * @param owner of the text that the table is made of; undefined: whoever makes it.
 * @throws if it cannot be written; the older file is then as it was.
 */
export function writeTable(
  path: string,
  entries: Iterable<StoredEntry>,
  owner: FileOwner | undefined,
): void {
  refuseOthers(path);
  const bytes = databaseOf(entries);
  const folder = dirname(path);
  const fresh = join(folder, `.${basename(path)}.${randomBytes(8).toString("hex")}`);
  const fd = openSync(fresh, "wx", 0o600);
  try {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
      fchmodSync(fd, (owner?.mode ?? PLAIN_MODE) & 0o777);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(fresh, path);
  } catch (error) {
    unlinkSync(fresh);
    throw error;
  }
  syncFolder(folder);
}

/** A device or a socket would be gone: `makemap -o /dev/null` by root, to see whether a text is right. */
function refuseOthers(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && !stat.isFile() && !stat.isSymbolicLink())
    throw new Error(`${path}: it is there already, and not a file`);
}

function databaseOf(entries: Iterable<StoredEntry>): Uint8Array {
  using database = new DatabaseSync(":memory:");
  database.exec(TABLE_SCHEMA);
  database.exec("BEGIN");
  const insert = database.prepare("INSERT INTO entries (key, value) VALUES (?, ?)");
  for (const { key, value } of entries) insert.run(key, value);
  database.exec("COMMIT");
  return database.serialize();
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
