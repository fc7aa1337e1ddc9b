/**
 * Closes what whoever started the daemon has left open, before a process runs commands.
 *
 * Descriptors of Node's own are all closed at exec (O_CLOEXEC), as are the first that it
 * inherited; what is not would be a command's too. Tried with Node 26.10: of 251 inherited
 * descriptors those from 16 on are. Without /proc nothing is closed.
 */
import { closeSync, readdirSync, readFileSync } from "node:fs";

/** fcntl.h of Linux, in octal as /proc has it. */
const O_CLOEXEC = 0o2000000;

/** @param first the lowest that may be closed: those below are the process's own. */
export function closeInherited(first: number): void {
  let names: readonly string[];
  try {
    names = readdirSync("/proc/self/fd");
  } catch {
    return; // There is no /proc to look at.
  }
  for (const fd of names.map(Number)) if (fd >= first && isInherited(fd)) closeSync(fd);
}

function isInherited(fd: number): boolean {
  try {
    const [, flags = ""] =
      /^flags:\s*([0-7]+)$/mu.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
    return flags !== "" && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false; // It was the one by which the folder was read.
  }
}
