/**
 * Where log lines go: the terminal, or the system's log (system-log.ts).
 *
 * A terminal that is gone and a log that is stuck cost lines, never the daemon: what
 * cannot be written is dropped.
 */
import { fstatSync, writeSync } from "node:fs";
import type { LogQueue } from "#engine/observe/log-queue.ts";
import { printable } from "#engine/observe/visible-text.ts";
import { nodeClock } from "#world/node/clock.ts";
import { LineWriter, streamSink } from "./line-writer.ts";
import { startLogger, SystemLog } from "./system-log.ts";

const STDERR = 2;
/** How long the end of a process waits for the last lines to be read. */
const FLUSH_WITHIN_MS = 1000;

/** A destination for the lines of the parent and of its children. */
export type LogTarget =
  /** Children write to it themselves. */
  | { readonly kind: "descriptor"; readonly fd: number }
  /** Children write to pipes of their own, which the parent empties. */
  | { readonly kind: "lines"; readonly lines: LineWriter; close(): void };

export const TERMINAL: LogTarget = { kind: "descriptor", fd: STDERR };

/** syslog(3): the level of a line, in front of it; of what has none it is "info". */
const WARNING = "<4>";

/**
 * Standard error. A pipe is kept to the parent: its reader may be stuck, and whether a
 * write then waits is a property of the pipe, which each process that has it changes
 * for all of them when it starts and when it ends.
 */
export function terminalLog(): LogTarget {
  const stat = fstatSync(STDERR);
  if (!stat.isFIFO() && !stat.isSocket()) return TERMINAL;
  // systemd.exec(5): where the journal reads, it reads levels too.
  const isJournal = process.env["JOURNAL_STREAM"] === `${stat.dev}:${stat.ino}`;
  const lines = new LineWriter(streamSink(process.stderr), isJournal ? WARNING : "");
  return { kind: "lines", lines, close: () => undefined };
}

/** Lines go to syslog; what is wrong with that goes to standard error. */
export function systemLog(): LogTarget {
  const log = new SystemLog(
    { clock: nodeClock(), start: startLogger },
    {
      warningMark: WARNING,
      complain: (text) => void process.stderr.write(`smtpd: warning: ${text}\n`),
    },
  );
  const lines = new LineWriter(log, WARNING);
  return { kind: "lines", lines, close: () => log.close(lines.missing) };
}

/** Writes a line, or drops it where nothing can be written now. */
export function writeLine(target: LogTarget, line: string): void {
  if (target.kind === "lines") {
    target.lines.write(`${line}\n`);
    return;
  }
  try {
    writeSync(target.fd, `${line}\n`);
  } catch {
    // EIO: the terminal is gone. ENOSPC: the disk of the log is full.
  }
}

/** What the daemon itself tells. */
export interface DaemonLog {
  info(text: string): void;
  warn(text: string): void;
}

/** A complaint with its place fits. */
const MAX_TOLD_LENGTH = 2048;

/** Text may hold names that somebody wrote into a file, or that smtpctl was given. */
export function daemonLog(target: LogTarget): DaemonLog {
  const tell = (level: keyof DaemonLog, text: string): void =>
    writeLine(target, `${level}: ${printable(text, MAX_TOLD_LENGTH)}`);
  return { info: (text) => tell("info", text), warn: (text) => tell("warn", text) };
}

/** Nothing more is written: what waits has a moment to be read. */
export async function closeLog(target: LogTarget): Promise<void> {
  if (target.kind !== "lines") return;
  await target.lines.flushed(FLUSH_WITHIN_MS);
  target.close();
}

/** Resolves when all lines of a child are written, or when a stuck reader has had its time. */
export async function flushed(log: LogQueue): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, FLUSH_WITHIN_MS);
  await Promise.race([log.flushed(), promise]);
  clearTimeout(timer);
}
