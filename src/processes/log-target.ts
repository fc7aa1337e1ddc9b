/**
 * Where log lines go: the terminal, or the system's log through logger(1), since
 * Node cannot write to /dev/log itself.
 */
import { spawn } from "node:child_process";
import { writeSync } from "node:fs";
import type { Writable } from "node:stream";

const STDERR = 2;

/** A destination for the lines of the parent and of its children. */
export type LogTarget =
  | { readonly kind: "descriptor"; readonly fd: number }
  | { readonly kind: "stream"; readonly stream: Writable };

export const TERMINAL: LogTarget = { kind: "descriptor", fd: STDERR };

/** Lines go to syslog as facility mail, tag `smtpd`. */
export function systemLog(): LogTarget {
  const logger = spawn("logger", ["--tag", "smtpd", "--priority", "mail.info"], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  // Without logger(1) the daemon goes on; its lines are lost.
  logger.on("error", () => undefined);
  logger.stdin.on("error", () => undefined);
  return { kind: "stream", stream: logger.stdin };
}

export function writeLine(target: LogTarget, line: string): void {
  if (target.kind === "descriptor") writeSync(target.fd, `${line}\n`);
  else target.stream.write(`${line}\n`);
}
