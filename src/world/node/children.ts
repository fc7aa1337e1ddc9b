/**
 * Runs programs with child_process.spawn, never through a shell.
 *
 * A name is looked for where the system has its programs (system-programs.ts), and the
 * program gets no environment but that PATH and LANG=C: its output is read by this program.
 * A run is over when the program has exited and its pipes are closed; a run that takes too
 * long, or prints too much, is killed. What the program itself started and left behind is not.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Children, RunRequest, RunResult } from "#base/ports/children.ts";
import { SYSTEM_PATH, systemProgram } from "./system-programs.ts";

/** The machine's programs, run as the user of this process. */
export function nodeChildren(): Children {
  return { run };
}

function run(request: RunRequest): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = started(request.command);
    if (child instanceof Error) {
      resolve({ kind: "not-started", cause: child });
      return;
    }
    let timer: NodeJS.Timeout | undefined;
    child.on("error", (cause) => {
      clearTimeout(timer);
      resolve({ kind: "not-started", cause });
    });
    // Without a descriptor for them (EMFILE) there are no pipes: an error comes.
    const { stdin, stdout, stderr }: Partial<typeof child> = child;
    if (stdin === undefined || stdout === undefined || stderr === undefined) return;
    const printed: Record<"stdout" | "stderr", Uint8Array[]> = { stdout: [], stderr: [] };
    let printedBytes = 0;
    const stop = (result: RunResult): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      // A program left behind may hold the pipes open for ever.
      stdout.destroy();
      stderr.destroy();
      resolve(result);
    };
    timer = setTimeout(() => stop({ kind: "timed-out" }), request.timeoutMs);
    const keep = (kept: Uint8Array[], bytes: Uint8Array): void => {
      printedBytes += bytes.length;
      if (printedBytes > request.maxOutputBytes) stop({ kind: "too-much-output" });
      else kept.push(bytes);
    };
    stdout.on("data", (bytes: Uint8Array) => keep(printed.stdout, bytes));
    stderr.on("data", (bytes: Uint8Array) => keep(printed.stderr, bytes));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === null) resolve({ kind: "killed", signal: signal ?? "unknown" });
      else {
        resolve({
          kind: "exited",
          code,
          stdout: Buffer.concat(printed.stdout),
          stderr: Buffer.concat(printed.stderr),
        });
      }
    });
    // A program may end without having read its input (EPIPE).
    stdin.on("error", () => {});
    stdin.end(request.input);
  });
}

type Program = ChildProcessByStdio<Writable, Readable, Readable>;

/** Node tells some faults by an event, and throws others, such as a lack of memory. */
function started([program, ...args]: RunRequest["command"]): Program | Error {
  const path = program.includes("/") ? program : systemProgram(program);
  if (path === undefined) return new Error(`Cannot find ${program} in ${SYSTEM_PATH}`);
  try {
    return spawn(path, args, {
      env: { PATH: SYSTEM_PATH, LANG: "C" },
      stdio: ["pipe", "pipe", "pipe"],
    });
  } catch (cause) {
    return cause instanceof Error ? cause : new Error(String(cause));
  }
}
