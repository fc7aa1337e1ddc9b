/** A server of somebody else as a process in the foreground, ended at the end of its test. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { endOf, programPath } from "./peer-program.ts";
import type { Scratch } from "./scratch.ts";

const STOP_WITHIN_MS = 10_000;

/** Starts `command`, which writes to `logPath` what it has to say. */
export function startPeer(scratch: Scratch, command: readonly string[], logPath: string): void {
  const [program = "", ...args] = command;
  const log = openSync(logPath, "a");
  const child = spawn(programPath(program), args, { stdio: ["ignore", log, log] });
  closeSync(log);
  const ended = endOf(child);
  scratch.use({
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGTERM");
      const limit = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
      await ended;
      clearTimeout(limit);
    },
  });
}
