import assert from "node:assert/strict";
import { test } from "node:test";
import { DB_HEAD_BYTES, dbFileFault } from "./db-file.ts";

function headWith(magic: number, offset: number, isLittleEndian: boolean): Uint8Array {
  const head = Buffer.alloc(DB_HEAD_BYTES);
  if (isLittleEndian) head.writeUInt32LE(magic, offset);
  else head.writeUInt32BE(magic, offset);
  return head;
}

test("SQLite file is taken", () => {
  assert.equal(dbFileFault("/x.db", Buffer.from("SQLite format 3\0")), undefined);
});

test("Berkeley DB of any kind and byte order is recognised", () => {
  for (const magic of [0x0006_1561, 0x0005_3162])
    for (const offset of [0, 12])
      for (const isLittleEndian of [true, false]) {
        const fault = dbFileFault("/x.db", headWith(magic, offset, isLittleEndian));
        assert.equal(fault?.message, "/x.db is a Berkeley DB file");
      }
});

test("Berkeley DB is answered with the command that converts it", () => {
  const fault = dbFileFault("/etc/mail/a b.db", headWith(0x0006_1561, 12, true));
  assert.equal(
    fault?.hint,
    String.raw`convert it: db_dump -p '/etc/mail/a b.db' | sed -n '/^ /{s/^ //;s/\\00$//;N;s/\n /\t/;s/\\00$//;p}' | makemap -o '/etc/mail/a b.db.new' -`,
  );
});

test("anything else is no table", () => {
  for (const text of ["", "SQLite", "root: admin\nbob: x\n"])
    assert.equal(dbFileFault("/x.db", Buffer.from(text))?.message, "/x.db is no SQLite file");
});
