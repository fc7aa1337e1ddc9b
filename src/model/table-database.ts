/**
 * The file of a `db:` table: a SQLite database that makemap(8) writes and the process
 * `lookup` reads.
 *
 * It holds one table, `entries`, of keys in lower case and values; a list has the value ""
 * everywhere. The application id in its header says that it is one, the user version how
 * it is laid out: a file with another is refused, not guessed at.
 *
 * Source: SQLite's file format, §1.3.
 */
import { MAX_LIST_LENGTH } from "./expansion-list.ts";

/** "Post" in ASCII. */
const APPLICATION_ID = 0x506f7374;
/** Grows with each change of TABLE_SCHEMA that an older reader cannot read. */
const SCHEMA_VERSION = 1;

export const TABLE_SCHEMA: string = `
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
  CREATE TABLE entries (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** The key that stands for `key` in the file: written and asked for in lower case. */
export function storedKey(key: string): string {
  return key.toLowerCase();
}

/** OpenSMTPD's (table.c), which counts bytes; what is longer is in no table. */
export const MAX_STORED_KEY_LENGTH = 1023;
/** In UTF-8. The longest value that anyone can use is a list of recipients. */
export const MAX_STORED_VALUE_BYTES: number = MAX_LIST_LENGTH;

/** How much of a file `layoutFault` must see. */
export const DATABASE_HEADER_BYTES = 100;

const USER_VERSION_AT = 60;
const APPLICATION_ID_AT = 68;

/**
 * What keeps a SQLite file (model/config/db-file.ts knows one) from being such a table, in
 * words for the operator; undefined if nothing can be seen to.
 *
 * @param header the first DATABASE_HEADER_BYTES of the file, fewer if it is shorter.
 */
export function layoutFault(header: Uint8Array): string | undefined {
  if (header.length < DATABASE_HEADER_BYTES) return "it is cut short";
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(APPLICATION_ID_AT) !== APPLICATION_ID)
    return "it is a SQLite file that makemap did not make";
  const version = view.getUint32(USER_VERSION_AT);
  if (version === SCHEMA_VERSION) return undefined;
  return `makemap made it with version ${version}, and this is ${SCHEMA_VERSION}: make it anew`;
}
