import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunRequest, RunResult } from "#base/ports/children.ts";
import { linesWithFewDescriptors } from "#test/support/few-descriptors.ts";
import { nodeChildren } from "./children.ts";

/** Runs a line of JavaScript. */
function runScript(script: string, limits: Partial<RunRequest> = {}): Promise<RunResult> {
  return nodeChildren().run({
    command: [process.execPath, "-e", script],
    timeoutMs: 30_000,
    maxOutputBytes: 65_536,
    ...limits,
  });
}

test("a program's code, output and errors are told apart", async () => {
  const result = await runScript(
    "process.stdout.write('out'); process.stderr.write('err'); process.exitCode = 3",
  );
  assert.equal(result.kind, "exited");
  assert.deepEqual(
    [result.code, Buffer.from(result.stdout).toString(), Buffer.from(result.stderr).toString()],
    [3, "out", "err"],
  );
});

test("a program reads its input, or leaves it unread", async () => {
  const input = new Uint8Array(1_000_000).fill(0x61);
  const counted = await runScript(
    "let n = 0; process.stdin.on('data', (d) => n += d.length).on('end', () => console.log(n))",
    { input },
  );
  assert.equal(counted.kind, "exited");
  assert.equal(Buffer.from(counted.stdout).toString(), "1000000\n");
  const unread = await runScript("process.exit(0)", { input });
  assert.equal(unread.kind, "exited");
});

test("a program that takes too long is killed", async () => {
  const result = await runScript("setInterval(() => {}, 1000)", { timeoutMs: 50 });
  assert.deepEqual(result, { kind: "timed-out" });
});

test("a program that prints too much is killed", async () => {
  const script = "setInterval(() => process.stdout.write('x'.repeat(1000)), 1)";
  assert.deepEqual(await runScript(script, { maxOutputBytes: 5_000 }), { kind: "too-much-output" });
});

test("a program that kills itself, and one that is not there", async () => {
  const killed = await runScript("process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 9)");
  assert.deepEqual(killed, { kind: "killed", signal: "SIGTERM" });
  const absent = await nodeChildren().run({
    command: ["/nonexistent/program"],
    timeoutMs: 1_000,
    maxOutputBytes: 10,
  });
  assert.equal(absent.kind, "not-started");
});

test("a program gets no environment of ours, and no shell reads its arguments", async () => {
  const result = await nodeChildren().run({
    command: [
      process.execPath,
      "-p",
      "process.argv[1] + Object.keys(process.env).sort()",
      "$HOME;",
    ],
    timeoutMs: 30_000,
    maxOutputBytes: 1_000,
  });
  assert.equal(result.kind, "exited");
  assert.equal(Buffer.from(result.stdout).toString(), "$HOME;LANG,PATH\n");
});

test("without a descriptor left a program is not started, and with some again it is", async () => {
  const lines = await linesWithFewDescriptors(`
    const { nodeChildren } = await import(${JSON.stringify(import.meta.resolve("./children.ts"))});
    const request = { command: ["true"], timeoutMs: 30_000, maxOutputBytes: 10 };
    const free = takeAll();
    const without = await nodeChildren().run(request);
    free();
    const after = await nodeChildren().run(request);
    console.log(without.kind, without.cause.code, after.kind);`);
  assert.deepEqual(lines, ["not-started EMFILE exited"]);
});
