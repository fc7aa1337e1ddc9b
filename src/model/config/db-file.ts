/**
 * What a `db:PATH` is, from its first bytes: it must be a SQLite file. The Berkeley DB
 * file that OpenSMTPD's makemap(8) made is recognised, and refused with the command that
 * converts it.
 *
 * Source: file(1)'s magic; dbreg of Berkeley DB (magic at offset 12), hash.h and btree.h
 * of 4.4BSD (at offset 0), either byte order; the SQLite file format §1.3.1.
 */

export interface DbFileFault {
  readonly message: string;
  readonly hint: string;
}

/** As many bytes of the file as this needs. */
export const DB_HEAD_BYTES = 16;

const SQLITE_HEAD = "SQLite format 3\0";
const HASH_MAGIC = 0x0006_1561;
const BTREE_MAGIC = 0x0005_3162;

/** Undefined if the file is one that `db:` can use. */
export function dbFileFault(path: string, head: Uint8Array): DbFileFault | undefined {
  if (Buffer.from(head).toString("latin1").startsWith(SQLITE_HEAD)) return undefined;
  if (isBerkeleyDb(head))
    return { message: `${path} is a Berkeley DB file`, hint: `convert it: ${conversion(path)}` };
  return {
    message: `${path} is no SQLite file`,
    hint: "make it with makemap(8), or use 'file:' for the text itself",
  };
}

function isBerkeleyDb(head: Uint8Array): boolean {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return [0, 12].some((offset) => {
    if (offset + 4 > view.byteLength) return false;
    const numbers = [view.getUint32(offset, true), view.getUint32(offset, false)];
    return numbers.includes(HASH_MAGIC) || numbers.includes(BTREE_MAGIC);
  });
}

/**
 * Keys and values are on alternate lines of db_dump(1), each behind a blank, with `\xx`
 * for what cannot be printed; those that makemap made end in a NUL. Perl, as Debian
 * always has it, while bytes from numbers are beyond sed.
 */
function conversion(path: string): string {
  return `db_dump -p ${quote(path)} | perl -ne '${CONVERT}' | makemap -o ${quote(`${path}.new`)} -`;
}

const CONVERT: string = String.raw`if (s/^ //) { chomp; s/\\00$//; s/\\(\\|..)/$1 eq "\\" ? $1 : chr hex $1/ge; print $_, $n++ % 2 ? "\n" : "\t" }`;

/** For a shell. */
function quote(path: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/u.test(path)
    ? path
    : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
