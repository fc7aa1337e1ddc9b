import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { nodeChildren } from "./children.ts";
import { SYSTEM_PATH, systemProgram } from "./system-programs.ts";

test("a program of the system has an absolute path, and one that nobody has none", () => {
  assert.match(systemProgram("true") ?? "", /^\/(?:usr\/)?bin\/true$/u);
  assert.equal(systemProgram("postrider-has-no-such-program"), undefined);
});

test("whose program runs is not for the caller's PATH to say, neither here nor in what runs", async (t) => {
  const folder = mkdtempSync(`${tmpdir()}/postrider-`);
  const callersPath = process.env["PATH"];
  t.after(() => {
    process.env["PATH"] = callersPath;
    rmSync(folder, { recursive: true });
  });
  for (const name of ["printenv", "postrider-only-in-path"]) {
    writeFileSync(`${folder}/${name}`, "#!/bin/sh\necho not the system's\n");
    chmodSync(`${folder}/${name}`, 0o755);
  }
  process.env["PATH"] = `${folder}:${callersPath}`;
  const limits = { timeoutMs: 30_000, maxOutputBytes: 1_000 };
  const result = await nodeChildren().run({ command: ["printenv", "PATH"], ...limits });
  assert.equal(result.kind, "exited");
  assert.equal(Buffer.from(result.stdout).toString(), `${SYSTEM_PATH}\n`);
  const other = await nodeChildren().run({ command: ["postrider-only-in-path"], ...limits });
  assert.equal(other.kind, "not-started");
  assert.match(other.cause.message, /^Cannot find postrider-only-in-path in \/usr\/bin:/u);
});
