/**
 * Runs programs with child_process.spawn, never through a shell.
 *
 * The program gets no environment but PATH and LANG=C: its output is read by
 * this program. A run is over when the program has exited and its pipes are
 * closed; a run that takes too long, or prints too much, is killed. What the
 * program itself started and left behind is not.
 */
import { spawn } from "node:child_process";
import type { Children, RunRequest, RunResult } from "#base/ports/children.ts";

/** Where programs are looked for if this process was started without a PATH. */
const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/** The machine's programs, run as the user of this process. */
export function nodeChildren(): Children {
  return { run };
}

function run(request: RunRequest): Promise<RunResult> {
  const [program, ...args] = request.command;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: { PATH: process.env["PATH"] ?? DEFAULT_PATH, LANG: "C" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const stdout: Uint8Array[] = [];
    const stderr: Uint8Array[] = [];
    let printedBytes = 0;
    const stop = (result: RunResult): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      // A program left behind may hold the pipes open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => stop({ kind: "timed-out" }), request.timeoutMs);
    const keep = (kept: Uint8Array[], bytes: Uint8Array): void => {
      printedBytes += bytes.length;
      if (printedBytes > request.maxOutputBytes) stop({ kind: "too-much-output" });
      else kept.push(bytes);
    };
    child.stdout.on("data", (bytes: Uint8Array) => keep(stdout, bytes));
    child.stderr.on("data", (bytes: Uint8Array) => keep(stderr, bytes));
    child.on("error", (cause) => {
      clearTimeout(timer);
      resolve({ kind: "not-started", cause });
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === null) resolve({ kind: "killed", signal: signal ?? "unknown" });
      else {
        resolve({
          kind: "exited",
          code,
          stdout: Buffer.concat(stdout),
          stderr: Buffer.concat(stderr),
        });
      }
    });
    // A program may end without having read its input (EPIPE).
    child.stdin.on("error", () => {});
    child.stdin.end(request.input);
  });
}
