import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
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
  const perl = String.raw`if (s/^ //) { chomp; s/\\00$//; s/\\(\\|..)/$1 eq "\\" ? $1 : chr hex $1/ge; print $_, $n++ % 2 ? "\n" : "\t" }`;
  assert.equal(
    fault?.hint,
    `convert it: db_dump -p '/etc/mail/a b.db' | perl -ne '${perl}' | makemap -o '/etc/mail/a b.db.new' -`,
  );
});

/** What `db_dump -p` writes of a hash that OpenSMTPD's makemap made. */
const DUMP = String.raw`VERSION=3
format=print
type=hash
HEADER=END
 root\00
 alice, "|x \\y"\00
 @x.example\00
 stra\c3\9fe\00
DATA=END
`;

const NO_PERL = spawnSync("perl", ["-v"]).error === undefined ? false : "perl is not installed";

test("conversion makes the text that makemap reads", { skip: NO_PERL }, () => {
  const hint = dbFileFault("/x.db", headWith(0x0006_1561, 12, true))?.hint ?? "";
  const program = /perl -ne '([^']+)'/u.exec(hint)?.[1] ?? "";
  const perl = spawnSync("perl", ["-ne", program], { input: DUMP, encoding: "utf8" });
  assert.equal(perl.stdout, 'root\talice, "|x \\y"\n@x.example\tstraße\n');
});

test("anything else is no table", () => {
  for (const text of ["", "SQLite", "root: admin\nbob: x\n"])
    assert.equal(dbFileFault("/x.db", Buffer.from(text))?.message, "/x.db is no SQLite file");
});
