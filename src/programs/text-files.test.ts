import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { configSource, MAX_TEXT_BYTES } from "./text-files.ts";

const HEAD_BYTES = 4;

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "postrider-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The code of the fault that reading `path` is, whole and its first bytes. */
function codesOf(path: string): readonly unknown[] {
  const { read, readHead } = configSource(path);
  return [read(path), readHead?.(path, HEAD_BYTES)].map((answer) =>
    typeof answer === "object" && "code" in answer ? answer.code : answer,
  );
}

test("a text is read as it is, and its first bytes", (t) => {
  const file = join(folderFor(t), "smtpd.conf");
  writeFileSync(file, "listen on 127.0.0.1\n");
  const { read, readHead } = configSource(file);
  assert.equal(read(file), "listen on 127.0.0.1\n");
  assert.equal(Buffer.from(readHead?.(file, HEAD_BYTES) as Uint8Array).toString(), "list");
});

test("a file under /proc, which does not say its size, is read to its end", () => {
  const text = configSource("/proc/self/status").read("/proc/self/status");
  assert.ok(typeof text === "string");
  assert.match(text, /^Name:/u);
});

test("a path without a file, and a folder, are answered with the system's code", (t) => {
  const folder = folderFor(t);
  assert.deepEqual(codesOf(join(folder, "none")), ["ENOENT", "ENOENT"]);
  assert.deepEqual(codesOf(folder), ["EISDIR", "EISDIR"]);
});

test("a pipe that nobody writes into, and devices without an end, hold nobody up", (t) => {
  const pipe = join(folderFor(t), "pipe");
  execFileSync("mkfifo", [pipe]);
  for (const path of [pipe, "/dev/zero"]) {
    const { read, readHead } = configSource("/smtpd.conf");
    for (const answer of [read(path), readHead?.(path, HEAD_BYTES)])
      assert.ok(typeof answer === "object" && "code" in answer, path);
  }
  assert.deepEqual(codesOf("/dev/zero"), ["EINVAL", "EINVAL"]);
});

test("a text beyond the bound is a fault before a byte of it is read", (t) => {
  const file = join(folderFor(t), "sparse");
  writeFileSync(file, "");
  truncateSync(file, MAX_TEXT_BYTES + 1);
  assert.equal(codesOf(file)[0], "EFBIG");
});

test("a main file may come through a descriptor that the caller opened", () => {
  const program = `
    const { configSource } = await import(${JSON.stringify(import.meta.resolve("./text-files.ts"))});
    process.stdout.write(configSource("/dev/stdin").read("/dev/stdin"));`;
  // A pipe of the shell, as Node would hand over a socket.
  const command = `echo 'listen on all' | "$0" --input-type=module -e "$1"`;
  const text = execFileSync("sh", ["-c", command, process.execPath, program], { encoding: "utf8" });
  assert.equal(text, "listen on all\n");
});
