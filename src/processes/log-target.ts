/**
 * Where log lines go: the terminal, or the system's log through logger(1), since
 * Node cannot write to /dev/log itself.
 *
 * A terminal that is gone and a log that is stuck cost lines, never the daemon: what
 * cannot be written is dropped.
 */
import { spawn } from "node:child_process";
import { writeSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { LogQueue } from "#engine/observe/log-queue.ts";

const STDERR = 2;
/** How long the end of a process waits for the last lines to be read. */
const FLUSH_WITHIN_MS = 1000;
/** What may wait for a slow logger(1): about twenty thousand lines. */
export const MAX_UNWRITTEN_BYTES: number = 4 * 1024 * 1024;

/** A destination for the lines of the parent and of its children. */
export type LogTarget =
  | { readonly kind: "descriptor"; readonly fd: number }
  | { readonly kind: "stream"; readonly stream: Writable };

export const TERMINAL: LogTarget = { kind: "descriptor", fd: STDERR };

/** Lines go to syslog as facility mail, tag `smtpd`. */
export function systemLog(): LogTarget {
  const logger = spawn("logger", ["--tag", "smtpd", "--priority", "mail.info"], {
    stdio: ["pipe", "ignore", "ignore"],
    // Ctrl-C is for the daemon: its last lines are still to come.
    detached: true,
  });
  // Without logger(1) the daemon goes on; its lines are lost.
  logger.on("error", () => undefined);
  logger.stdin.on("error", () => undefined);
  return { kind: "stream", stream: logger.stdin };
}

/** Writes a line, or drops it where nothing can be written now. */
export function writeLine(target: LogTarget, line: string): void {
  if (target.kind === "stream") {
    if (target.stream.writableLength < MAX_UNWRITTEN_BYTES) target.stream.write(`${line}\n`);
    return;
  }
  try {
    writeSync(target.fd, `${line}\n`);
  } catch {
    // EAGAIN: a full pipe, which the children have made non-blocking. EPIPE, EIO: its reader is gone.
  }
}

/** Hands on what a child writes; what comes while too much waits is dropped. */
export function forwardLines(source: Readable, to: Writable): void {
  source.on("data", (bytes: Uint8Array) => {
    if (to.writableLength < MAX_UNWRITTEN_BYTES) to.write(bytes);
  });
}

/** Nothing more is written. */
export function closeLog(target: LogTarget): void {
  if (target.kind === "stream") target.stream.end();
}

/** Resolves when all lines of a child are written, or when a stuck reader has had its time. */
export async function flushed(log: LogQueue): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, FLUSH_WITHIN_MS);
  await Promise.race([log.flushed(), promise]);
  clearTimeout(timer);
}
