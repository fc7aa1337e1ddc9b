/** A process that may have 64 descriptors, for tests of what happens when there are none left. */
import assert from "node:assert/strict";
import { nodeChildren } from "#world/node/children.ts";

/**
 * Runs a module of JavaScript in which `takeAll()` takes every descriptor that is left and
 * gives back what closes so many of them again, all by default.
 *
 * In a process of its own: a limit can be made less, and not more.
 *
 * @returns the lines that it printed.
 */
export async function linesWithFewDescriptors(script: string): Promise<readonly string[]> {
  const prelude = `
    const { closeSync, openSync } = await import("node:fs");
    function takeAll() {
      const taken = [];
      try { for (;;) taken.push(openSync("/dev/null")); } catch {}
      return (count = taken.length) => taken.splice(0, count).forEach((fd) => closeSync(fd));
    }`;
  const module = `${prelude}\n${script}`;
  const node = [process.execPath, "--input-type=module", "-e", module] as const;
  const result = await nodeChildren().run({
    command: ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", ...node],
    timeoutMs: 30_000,
    maxOutputBytes: 65_536,
  });
  assert.equal(result.kind, "exited");
  assert.equal(Buffer.from(result.stderr).toString(), "");
  return Buffer.from(result.stdout).toString().trimEnd().split("\n");
}
