import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  linkSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import type { StoredEntry } from "#base/ports/table-files.ts";
import { TABLE_SCHEMA } from "#model/table-database.ts";
import { nodeTableFiles, readTable } from "./sqlite-table.ts";
import { writeTable } from "./sqlite-table-writer.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sqlite-table-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);
const write = (name: string, entries: readonly StoredEntry[]): string => {
  writeTable(at(name), entries, undefined);
  return at(name);
};

const ANN: StoredEntry = { key: "ann", value: "ann@example.org" };
const BEN: StoredEntry = { key: "ben", value: '|/bin/cat, \\"x\\" ü' };

test("what is written is read: the first key that is there, whatever its case, with its value", () => {
  using table = closing(write("t.db", [BEN, ANN]));
  assert.deepEqual(table.lookupAny(["zoe", "Ben", "ann"]), { kind: "found", value: BEN });
  assert.deepEqual(table.lookupAny(["zoe"]), { kind: "absent" });
  assert.deepEqual(table.lookupAny([]), { kind: "absent" });
  assert.deepEqual([...readTable(at("t.db"))], [ANN, BEN]);
});

test("keys are told in their order, from behind one on and around", () => {
  const entries = ["d", "a", "c", "b"].map((key) => ({ key, value: "" }));
  using table = closing(write("t.db", entries));
  const told = (key: string, most: number): unknown => {
    const answer = table.keysAfter(key, most);
    return answer.kind === "found" ? answer.value.join("") : answer.kind;
  };
  assert.equal(told("", 3), "abc");
  assert.equal(told("c", 3), "dab");
  assert.equal(told("bb", 9), "cdab");
  using empty = closing(write("empty.db", []));
  assert.deepEqual(empty.keysAfter("", 3), { kind: "found", value: [] });
  using missing = closing(at("missing.db"));
  assert.equal(missing.keysAfter("", 3).kind, "unavailable");
});

test("a table that is replaced, or changed in place, answers anew", () => {
  using table = closing(write("t.db", [ANN]));
  assert.equal(table.lookupAny(["ben"]).kind, "absent");
  write("t.db", [ANN, BEN]);
  assert.equal(table.lookupAny(["ben"]).kind, "found");
  using editor = new DatabaseSync(at("t.db"));
  editor.exec("DELETE FROM entries WHERE key = 'ben'");
  assert.equal(table.lookupAny(["ben"]).kind, "absent");
});

test("a table that goes away is unavailable, and answers when it is back", () => {
  using table = closing(write("t.db", [ANN]));
  renameSync(at("t.db"), at("away.db"));
  const answer = table.lookupAny(["ann"]);
  assert.equal(answer.kind, "unavailable");
  assert.match(answer.cause.message, /ENOENT.*t\.db/u);
  renameSync(at("away.db"), at("t.db"));
  assert.equal(table.lookupAny(["ann"]).kind, "found");
});

const header = (patch: (bytes: Buffer) => void): Buffer => {
  const bytes = Buffer.alloc(4096);
  patch(bytes);
  return bytes;
};
const sqlite = (schema: string): Buffer => {
  using database = new DatabaseSync(":memory:");
  database.exec(schema);
  return Buffer.from(database.serialize());
};

const NO_TABLES: readonly [name: string, bytes: Buffer, why: RegExp][] = [
  ["an empty file", Buffer.alloc(0), /no SQLite file/u],
  [
    "the text of a table",
    Buffer.from("ann: ann@example.org\n"),
    /no SQLite file; make it with makemap/u,
  ],
  ["zeros", Buffer.alloc(4096), /no SQLite file; make it with makemap/u],
  [
    "a Berkeley DB hash file",
    header((bytes) => bytes.writeUInt32LE(0x061561, 12)),
    /t\.db is a Berkeley DB file; convert it: .* makemap -o /u,
  ],
  [
    "a Berkeley DB B-tree of the other byte order",
    header((bytes) => bytes.writeUInt32BE(0x053162, 12)),
    /Berkeley DB/u,
  ],
  ["another SQLite file", sqlite("CREATE TABLE entries (key, value)"), /makemap did not make/u],
  [
    "a table of a later version",
    sqlite(`${TABLE_SCHEMA} PRAGMA user_version = 7`),
    /made it with version 7, and this is 1/u,
  ],
  [
    "a view in the place of the table",
    sqlite(
      `${TABLE_SCHEMA} DROP TABLE entries; CREATE VIEW entries AS SELECT 'ann' AS key, 1 AS value`,
    ),
    /it has no table of entries/u,
  ],
  ["a cut table", sqlite(TABLE_SCHEMA).subarray(0, 300), /malformed|not a database/u],
  ["a cut header", sqlite(TABLE_SCHEMA).subarray(0, 90), /it is cut short/u],
];

for (const [name, bytes, why] of NO_TABLES) {
  test(`${name} is unavailable, and says why`, () => {
    writeFileSync(at("t.db"), bytes);
    using table = closing(at("t.db"));
    const answer = table.lookupAny(["ann"]);
    assert.equal(answer.kind, "unavailable");
    assert.match(answer.cause.message, why);
    assert.equal(table.fault()?.message, answer.cause.message);
  });
}

test("damage within a table is unavailable, not absent", () => {
  const entries = Array.from({ length: 500 }, (_, n) => ({
    key: `user${n}`,
    value: "x".repeat(90),
  }));
  const bytes = Buffer.from(Uint8Array.from(fileOf(write("t.db", entries))));
  bytes.fill(0xff, 4096);
  writeFileSync(at("t.db"), bytes);
  using table = closing(at("t.db"));
  assert.equal(table.lookupAny(["user400"]).kind, "unavailable");
});

test("a folder, a pipe and a device are unavailable at once", () => {
  execFileSync("mkfifo", [at("pipe")]);
  for (const path of [folder, at("pipe"), "/dev/zero", "/none/at.db"]) {
    using table = closing(path);
    assert.equal(table.lookupAny(["ann"]).kind, "unavailable", path);
  }
});

test("the new file has owner and mode of its source, whatever the mask; the old one is as it was", () => {
  write("t.db", [ANN]);
  linkSync(at("t.db"), at("old.db"));
  const { uid, gid } = statSync(folder);
  writeTable(at("t.db"), [BEN], { uid, gid, mode: 0o100640 });
  assert.equal(statSync(at("t.db")).mode & 0o7777, 0o640);
  assert.deepEqual([...readTable(at("old.db"))], [ANN]);
  assert.deepEqual([...readTable(at("t.db"))], [BEN]);
});

test("set-user-id and sticky bits are not copied", () => {
  const { uid, gid } = statSync(folder);
  writeTable(at("t.db"), [ANN], { uid, gid, mode: 0o107644 });
  assert.equal(statSync(at("t.db")).mode & 0o7777, 0o644);
});

test("a symbolic link is replaced, not written through", () => {
  writeFileSync(at("victim"), "precious");
  symlinkSync(at("victim"), at("t.db"));
  write("t.db", [ANN]);
  assert.equal(statSync(at("victim")).size, 8);
  assert.ok(statSync(at("t.db")).size > 8);
});

test("a pipe, as a device or a folder, is not replaced", () => {
  execFileSync("mkfifo", [at("pipe")]);
  for (const path of [at("pipe"), folder]) {
    assert.throws(() => writeTable(path, [ANN], undefined), /there already, and not a file/u);
    assert.equal(statSync(path).isFile(), false, path);
  }
  assert.deepEqual(readdirSync(folder), ["pipe"]);
});

test("what cannot be written leaves nothing behind", () => {
  write("t.db", [ANN]);
  const twice = [BEN, BEN];
  assert.throws(() => writeTable(at("t.db"), twice, undefined));
  assert.throws(() => writeTable(at("none/t.db"), [ANN], undefined), { code: "ENOENT" });
  assert.deepEqual(readdirSync(folder), ["t.db"]);
  assert.deepEqual([...readTable(at("t.db"))], [ANN]);
});

function fileOf(path: string): Buffer {
  using database = new DatabaseSync(path);
  return Buffer.from(database.serialize());
}

function closing(path: string) {
  const table = nodeTableFiles().table(path);
  return {
    lookupAny: (keys: readonly string[]) => table.lookupAny(keys),
    keysAfter: (key: string, most: number) => table.keysAfter(key, most),
    fault: () => table.fault(),
    [Symbol.dispose]: () => table.close(),
  };
}
