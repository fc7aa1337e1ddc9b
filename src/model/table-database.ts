/**
 * The file of a `db:` table: a SQLite database that makemap(8) writes and the process
 * `lookup` reads.
 *
 * It holds one table, `entries`, of keys in lower case (makemap folds them, and whoever
 * asks does) and values; a list has the value "" everywhere. The application id in its
 * header says that it is one, the user version says how it is laid out: a file with
 * another is refused, not guessed at.
 *
 * Source: SQLite's file format, §1.3; magic(5) for Berkeley DB, which OpenSMTPD's makemap writes.
 */
import { MAX_LIST_LENGTH } from "./expansion-list.ts";

/** "Post" in ASCII. */
export const APPLICATION_ID = 0x506f7374;
/** Grows with each change of TABLE_SCHEMA that an older reader cannot read. */
export const SCHEMA_VERSION = 1;

export const TABLE_SCHEMA: string = `
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
  CREATE TABLE entries (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** OpenSMTPD's (table.c), which counts bytes; what is longer is in no table. */
export const MAX_STORED_KEY_LENGTH = 1023;
/** In UTF-8. The longest value that anyone can use is a list of recipients. */
export const MAX_STORED_VALUE_BYTES: number = MAX_LIST_LENGTH;

/** How much of a file `databaseFault` must see. */
export const DATABASE_HEADER_BYTES = 100;

const SQLITE_MAGIC = "SQLite format 3\0";
const USER_VERSION_AT = 60;
const APPLICATION_ID_AT = 68;
const BERKELEY_MAGIC_AT = 12;
/** Hash, B-tree. */
const BERKELEY_MAGICS: readonly number[] = [0x061561, 0x053162];

/**
 * What keeps a file from being a table, in words for the operator; undefined if nothing
 * can be seen to.
 *
 * @param header the first DATABASE_HEADER_BYTES of the file at `path`, fewer if it is shorter.
 */
export function databaseFault(path: string, header: Uint8Array): string | undefined {
  const view = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  const source = path.replace(/\.db$/u, "");
  if (view.length >= DATABASE_HEADER_BYTES && isSqlite(view)) {
    if (view.readUInt32BE(APPLICATION_ID_AT) !== APPLICATION_ID)
      return "it is a SQLite file that makemap did not make";
    const version = view.readUInt32BE(USER_VERSION_AT);
    if (version === SCHEMA_VERSION) return undefined;
    return `it has version ${version}, and this program reads ${SCHEMA_VERSION}: make it anew with 'makemap ${source}'`;
  }
  if (isBerkeley(view))
    return `it is a Berkeley DB file: make it anew from its text with 'makemap -o ${path} ${source}'`;
  return view.length === 0 ? "it is empty" : "it is no table that makemap made";
}

function isSqlite(view: Buffer): boolean {
  return view.toString("latin1", 0, SQLITE_MAGIC.length) === SQLITE_MAGIC;
}

function isBerkeley(view: Buffer): boolean {
  if (view.length < BERKELEY_MAGIC_AT + 4) return false;
  // In the byte order of the machine that wrote it.
  const numbers = [view.readUInt32LE(BERKELEY_MAGIC_AT), view.readUInt32BE(BERKELEY_MAGIC_AT)];
  return numbers.some((number) => BERKELEY_MAGICS.includes(number));
}
