/**
 * What every implementation of the Files port must do; each runs this suite.
 * What a crash leaves is not here: only the simulated disk can be asked.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { type Files, FilesError, type OpenMode } from "#base/ports/files.ts";

export interface FilesUnderTest {
  readonly files: Files;
  /** An empty folder of this test. */
  readonly folder: string;
  readonly plantSymlink: (path: string) => Promise<void>;
  dispose(): Promise<void>;
}

/** Runs the suite; `name` begins the names of its tests. */
export function filesContract(name: string, setUp: () => Promise<FilesUnderTest>): void {
  const contract = (title: string, check: (given: FilesUnderTest) => Promise<void>): void => {
    test(`${name} ${title}`, async (t: TestContext) => {
      const given = await setUp();
      t.after(() => given.dispose());
      await check(given);
    });
  };

  contract("read back what was written in pieces, at its offset", async ({ files, folder }) => {
    const path = `${folder}/a`;
    await writeFile(files, path, "0123456789");
    const file = await files.open(path, "update");
    await file.write([bytes("ab"), bytes(""), bytes("cd")], 3);
    assert.equal(text(await file.read(0, 100)), "012abcd789");
    assert.equal(text(await file.read(8, 100)), "89", "short at the end");
    assert.equal(text(await file.read(10, 5)), "", "empty past the end");
    await file.close();
  });

  contract("write more pieces than one system call takes", async ({ files, folder }) => {
    const pieces = Array.from({ length: 3_000 }, (_, at) => bytes(String(at % 10)));
    const file = await files.open(`${folder}/a`, "create");
    await file.write(pieces, 0);
    await file.write([], 0);
    await file.close();
    assert.equal(await readFile(files, `${folder}/a`), pieces.map(text).join(""));
  });

  contract("read a gap as zeros", async ({ files, folder }) => {
    const file = await files.open(`${folder}/a`, "create");
    await file.write([bytes("x")], 3);
    await file.close();
    assert.equal(await readFile(files, `${folder}/a`), "\0\0\0x");
  });

  contract("shorten and lengthen a file", async ({ files, folder }) => {
    await writeFile(files, `${folder}/a`, "abcdef");
    const file = await files.open(`${folder}/a`, "update");
    await file.truncate(2);
    await file.truncate(4);
    await file.sync();
    await file.close();
    assert.equal(await readFile(files, `${folder}/a`), "ab\0\0");
  });

  contract("make a durable-write file that reads like any other", async ({ files, folder }) => {
    const file = await files.open(`${folder}/a`, "create-dsync");
    await file.write([bytes("abc")], 0);
    await file.close();
    assert.equal(await readFile(files, `${folder}/a`), "abc");
  });

  contract("seal a file with other mode bits, what is in it stays", async ({ files, folder }) => {
    const file = await files.open(`${folder}/a`, "create", 0o600);
    await file.write([bytes("abc")], 0);
    await file.seal(0o700);
    assert.equal((await file.stat()).mode, 0o700);
    await file.close();
    assert.equal((await files.stat(`${folder}/a`)).mode, 0o700);
    assert.equal(await readFile(files, `${folder}/a`), "abc");
  });

  contract("never open what is there as new, nor what is not there", async (given) => {
    const { files, folder } = given;
    await writeFile(files, `${folder}/a`, "");
    await fails("EEXIST", files.open(`${folder}/a`, "create"));
    await fails("EEXIST", files.open(`${folder}/a`, "create-dsync"));
    await fails("ENOENT", files.open(`${folder}/none`, "read"));
    await fails("ENOENT", files.open(`${folder}/none`, "update"));
    await fails("ENOENT", files.open(`${folder}/none/a`, "create"));
    await fails("ENOTDIR", files.open(`${folder}/a/b`, "create"));
    await fails("EISDIR", files.open(folder, "update"));
  });

  contract("do not follow a symbolic link", async ({ files, folder, plantSymlink }) => {
    await plantSymlink(`${folder}/link`);
    for (const mode of ["read", "update"] satisfies OpenMode[]) {
      await fails("ELOOP", files.open(`${folder}/link`, mode));
    }
    await fails("EEXIST", files.open(`${folder}/link`, "create"));
    assert.equal((await files.stat(`${folder}/link`)).kind, "symlink");
    await files.unlink(`${folder}/link`);
    assert.deepEqual(await files.list(folder), []);
  });

  contract("describe a file and a folder", async ({ files, folder }) => {
    await writeFile(files, `${folder}/a`, "abc");
    const { kind, bytes: length, mode, links } = await files.stat(`${folder}/a`);
    assert.deepEqual(
      { kind, length, mode, links },
      { kind: "file", length: 3, mode: 0o600, links: 1 },
    );
    const readOnly = await files.open(`${folder}/b`, "create", 0o400);
    await readOnly.close();
    assert.equal((await files.stat(`${folder}/b`)).mode, 0o400);
    assert.equal((await files.stat(folder)).kind, "folder");
    assert.equal((await files.statTarget(folder)).kind, "folder");
    await fails("ENOENT", files.stat(`${folder}/none`));
    await fails("ENOENT", files.statTarget(`${folder}/none`));
  });

  contract("describe an open file, whatever has its name by now", async ({ files, folder }) => {
    await writeFile(files, `${folder}/a`, "abc");
    const file = await files.open(`${folder}/a`, "read");
    await files.unlink(`${folder}/a`);
    await writeFile(files, `${folder}/a`, "another");
    assert.equal((await file.stat()).bytes, 3);
    await file.close();
    await fails("EBADF", file.stat());
  });

  contract("use a file only as it was opened", async ({ files, folder }) => {
    const path = `${folder}/a`;
    const writer = await files.open(path, "create");
    await writer.write([bytes("abc")], 0);
    await fails("EBADF", writer.read(0, 1));
    await writer.close();
    const reader = await files.open(path, "read");
    await fails("EBADF", reader.write([bytes("x")], 0));
    await reader.close();
    await fails("EBADF", reader.read(0, 1));
    await fails("EBADF", reader.close());
  });

  contract("list and make folders", async ({ files, folder }) => {
    assert.deepEqual(await files.list(folder), []);
    await files.makeFolder(`${folder}/sub`, 0o700);
    await fails("EEXIST", files.makeFolder(`${folder}/sub`, 0o700));
    await fails("ENOENT", files.makeFolder(`${folder}/none/sub`, 0o700));
    await writeFile(files, `${folder}/sub/b`, "");
    await writeFile(files, `${folder}/a`, "");
    assert.deepEqual((await files.list(folder)).toSorted(), ["a", "sub"]);
    assert.deepEqual(await files.list(`${folder}/sub`), ["b"]);
    await fails("ENOENT", files.list(`${folder}/none`));
    await fails("ENOTDIR", files.list(`${folder}/a`));
  });

  contract("rename over what is there", async ({ files, folder }) => {
    await writeFile(files, `${folder}/a`, "new");
    await writeFile(files, `${folder}/b`, "old");
    await files.rename(`${folder}/a`, `${folder}/b`);
    assert.deepEqual(await files.list(folder), ["b"]);
    assert.equal(await readFile(files, `${folder}/b`), "new");
    await files.makeFolder(`${folder}/sub`, 0o700);
    await files.rename(`${folder}/b`, `${folder}/sub/c`);
    assert.equal(await readFile(files, `${folder}/sub/c`), "new");
    await fails("ENOENT", files.rename(`${folder}/none`, `${folder}/x`));
    await fails("ENOTEMPTY", renameFolderOver(files, folder));
  });

  contract("rename a folder with all that is in it", async ({ files, folder }) => {
    await files.makeFolder(`${folder}/one`, 0o700);
    await writeFile(files, `${folder}/one/a`, "abc");
    await files.rename(`${folder}/one`, `${folder}/two`);
    assert.equal(await readFile(files, `${folder}/two/a`), "abc");
    await writeFile(files, `${folder}/file`, "");
    await fails("ENOTDIR", files.rename(`${folder}/two`, `${folder}/file`));
    await fails("EISDIR", files.rename(`${folder}/file`, `${folder}/two`));
  });

  contract("give one file two names", async ({ files, folder }) => {
    await writeFile(files, `${folder}/a`, "abc");
    await writeFile(files, `${folder}/b`, "");
    await fails("EEXIST", files.link(`${folder}/a`, `${folder}/b`));
    await files.link(`${folder}/a`, `${folder}/c`);
    assert.equal((await files.stat(`${folder}/a`)).links, 2);
    await files.rename(`${folder}/a`, `${folder}/c`); // rename(2): the same file, nothing happens
    await files.unlink(`${folder}/a`);
    assert.equal((await files.stat(`${folder}/c`)).links, 1);
    assert.equal(await readFile(files, `${folder}/c`), "abc");
  });

  contract("keep an unlinked file until it is closed", async ({ files, folder }) => {
    await writeFile(files, `${folder}/a`, "abc");
    const file = await files.open(`${folder}/a`, "read");
    await files.unlink(`${folder}/a`);
    assert.equal(text(await file.read(0, 3)), "abc");
    await file.close();
    await fails("ENOENT", files.unlink(`${folder}/a`));
    await fails("EISDIR", files.unlink(folder));
  });

  contract("sync a folder, and nothing else as one", async ({ files, folder }) => {
    await files.syncFolder(folder);
    await writeFile(files, `${folder}/a`, "");
    await fails("ENOENT", files.syncFolder(`${folder}/none`));
    await fails("ENOTDIR", files.syncFolder(`${folder}/a`));
  });

  contract("know how much room there is", async ({ files, folder }) => {
    const free = await files.freeSpace(folder);
    assert.ok(free.bytes > 0 && free.files > 0, JSON.stringify(free));
    await fails("ENOENT", files.freeSpace(`${folder}/none`));
  });
}

/** Makes a file that has `content`. */
export async function writeFile(files: Files, path: string, content: string): Promise<void> {
  const file = await files.open(path, "create");
  await file.write([bytes(content)], 0);
  await file.close();
}

/** All of a file. */
export async function readFile(files: Files, path: string): Promise<string> {
  const file = await files.open(path, "read");
  const content = await file.read(0, (await files.stat(path)).bytes);
  await file.close();
  return text(content);
}

async function renameFolderOver(files: Files, folder: string): Promise<void> {
  await files.makeFolder(`${folder}/other`, 0o700);
  await files.rename(`${folder}/other`, `${folder}/sub`);
}

async function fails(code: string, operation: Promise<unknown>): Promise<void> {
  await assert.rejects(operation, (error) => {
    assert.ok(error instanceof FilesError, `not a FilesError: ${String(error)}`);
    assert.equal(error.code, code);
    return true;
  });
}

function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function text(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}
