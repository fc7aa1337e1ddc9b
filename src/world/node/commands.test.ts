/** MDA-04, MDA-05, MDA-07: commands that do not read, print without end, or leave something behind. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { CommandEnd, CommandOrder } from "#base/ports/commands.ts";
import { nodeCommands } from "./commands.ts";

async function* of(...pieces: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece);
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("a");
  throw new Error("gone");
}

function run(command: string, changes: Partial<CommandOrder> = {}): Promise<CommandEnd> {
  return nodeCommands().run({
    command,
    environment: { PATH: "/usr/bin:/bin" },
    folder: "/",
    input: of("hello\n"),
    timeoutMs: 20_000,
    maxOutputBytes: 1_000_000,
    ...changes,
  });
}

function lastLineOf(end: CommandEnd): string {
  assert.equal(end.kind, "exited");
  return Buffer.from(end.lastLine).toString();
}

test("a command gets its input, and its last line on either output is what it said", async () => {
  const end = await run('cat; echo "last words" >&2; echo; exit 67', { input: of("a", "b\n") });
  assert.deepEqual(
    { ...end, lastLine: lastLineOf(end) },
    {
      kind: "exited",
      code: 67,
      lastLine: "last words",
    },
  );
});

test("a command has the environment that it is given and no other", async () => {
  const end = await run('env | grep -v "^PWD=\\|^_=\\|^SHLVL=" | sort | tr "\\n" " "', {
    environment: { PATH: "/usr/bin:/bin", SENDER: "$(id)" },
  });
  assert.equal(lastLineOf(end), "PATH=/usr/bin:/bin SENDER=$(id)");
});

test("a command runs in its folder, or in / where that is none", async () => {
  assert.equal(lastLineOf(await run("pwd", { folder: "/usr" })), "/usr");
  assert.equal(lastLineOf(await run("pwd", { folder: "/nonexistent" })), "/");
});

test("a command has descriptors 0, 1 and 2 and leads a process group", async () => {
  const fds = lastLineOf(await run("ls /proc/self/fd | tr '\\n' ' '")).split(" ");
  // ls itself has one more, for the folder that it lists; this process may have been given some.
  assert.deepEqual(fds.filter((fd) => Number(fd) < 10).toSorted(), ["0", "1", "2", "3"]);
  const group = await run(
    'read -r pid name state ppid pgrp rest </proc/self/stat; test "$$" = "$pgrp"',
  );
  assert.deepEqual([group.kind, group.kind === "exited" && group.code], ["exited", 0]);
});

test("a command need not read its input, however much there is", async () => {
  for (const command of ["exit 0", "exec 0<&-; exit 0", "head -c1 >/dev/null; exit 0"]) {
    const end = await run(command, { input: of("x".repeat(4_000_000), "y") });
    assert.equal(end.kind === "exited" && end.code, 0, command);
  }
});

test("a command that takes too long is killed with what it started", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "postrider-commands-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const pidFile = `${folder}/pid`;
  const end = await run(`sleep 1000 & echo $! >${pidFile}; wait`, { timeoutMs: 300 });
  assert.equal(end.kind, "timed-out");
  const pid = Number(readFileSync(pidFile, "utf8"));
  for (let tries = 0; isAlive(pid) && tries < 100; tries++) await tick();
  assert.equal(isAlive(pid), false, "what it started was killed too");
});

test("a command that prints without end is killed", async () => {
  assert.deepEqual(await run("yes"), { kind: "too-much-output" });
});

test("what a command leaves behind keeps nobody waiting", async () => {
  const end = await run("sleep 1000 & echo started $!; exit 0");
  const pid = Number(lastLineOf(end).split(" ")[1]);
  assert.ok(isAlive(pid), "it lives on");
  process.kill(pid, "SIGKILL");
});

test("a command that is killed by a signal says which", async () => {
  assert.deepEqual(await run("kill -SEGV $$"), { kind: "killed", signal: "SIGSEGV" });
});

test("an input that cannot be read kills the command", async () => {
  await assert.rejects(run("cat >/dev/null; sleep 1000", { input: broken() }), /gone/u);
});

test("stopping kills what runs", async () => {
  const commands = nodeCommands();
  const end = commands.run({
    command: "echo; sleep 1000",
    environment: {},
    folder: "/",
    input: of("x"),
    timeoutMs: 60_000,
    maxOutputBytes: 100,
  });
  await tick();
  commands.stop();
  assert.deepEqual(await end, { kind: "stopped" });
});

test("of a long last line the beginning is kept", async () => {
  const line = lastLineOf(await run("head -c 1500 /dev/zero | tr '\\0' x"));
  assert.equal(line, "x".repeat(1024));
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/mu.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
}
