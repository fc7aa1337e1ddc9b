import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
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
  return [read(path), readHead(path, HEAD_BYTES)].map((answer) =>
    typeof answer === "object" && "code" in answer ? answer.code : answer,
  );
}

test("a text is read as it is, and its first bytes", (t) => {
  const file = join(folderFor(t), "smtpd.conf");
  writeFileSync(file, "listen on 127.0.0.1\n");
  const { read, readHead } = configSource(file);
  assert.equal(read(file), "listen on 127.0.0.1\n");
  assert.equal(Buffer.from(readHead(file, HEAD_BYTES) as Uint8Array).toString(), "list");
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
    for (const answer of [read(path), readHead(path, HEAD_BYTES)])
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

test("what a user makes an included path lead to is read only if it is his, or anybody's", {
  skip: process.getuid?.() === 0 ? false : "only root can be made to read for others",
}, (t) => {
  const [ann, ben] = [60_001, 60_002];
  const folder = folderFor(t);
  chmodSync(folder, 0o755);
  const home = join(folder, "ann");
  mkdirSync(home);
  const put = (name: string, uid: number, mode: number): string => {
    const path = join(folder, name);
    writeFileSync(path, `${name}\n`, { mode });
    chownSync(path, uid, uid);
    return path;
  };
  const secret = put("secret", ben, 0o600);
  const roots = put("roots", 0, 0o600);
  const open = put("open", ben, 0o644);
  const own = put("ann/own", ann, 0o600);
  chownSync(home, ann, ann);
  const link = (name: string, to: string, uid: number): string => {
    const path = join(folder, name);
    symlinkSync(to, path);
    lchownSync(path, uid, uid);
    return path;
  };
  const cases: readonly (readonly [path: string, expected: string])[] = [
    [own, "ann/own\n"],
    [roots, "roots\n"],
    [secret, "secret\n"],
    [link("ann/to-open", open, ann), "open\n"],
    [link("ann/to-secret", secret, ann), "EACCES"],
    [link("ann/to-roots", "../roots", ann), "EACCES"],
    [link("ann/to-folder", folder, ann), "EISDIR"],
    [join(home, "to-folder/secret"), "EACCES"],
    [link("by-root", own, 0), "ann/own\n"],
    [link("by-root-to-link", "./ann/to-secret", 0), "EACCES"],
    [link("by-root-around", `../${basename(folder)}/ann/to-secret`, 0), "EACCES"],
  ];
  const { readIncluded } = configSource("/smtpd.conf");
  for (const [path, expected] of cases) {
    const text = readIncluded(path);
    assert.equal(typeof text === "string" ? text : text.code, expected, path);
  }
  linkSync(secret, join(home, "hard"));
  assert.ok(typeof readIncluded(join(home, "hard")) === "object");
});
