/**
 * Keeps two processes from opening one spool: a file that names its holder.
 *
 * The holder is a boot, a process id and that process's start time, read from
 * /proc; so a lock that a crash left, or whose number another process now has, is
 * known to be stale. So is one whose process is dead and only waits to be reaped,
 * which can be for ever where process 1 reaps nothing, as in some containers.
 * Where /proc is missing there is no lock.
 */
import { type Files, FilesError } from "#base/ports/files.ts";
import { tolerate } from "./file-faults.ts";
import { UnusableSpool } from "./unusable-spool.ts";

/** Gives the lock up. */
export type Release = () => Promise<void>;

const BOOT_ID = "/proc/sys/kernel/random/boot_id";
/** Longer than what any of these files holds. */
const MAX_PROC_BYTES = 4096;
/** `num_threads` and `starttime` in proc_pid_stat(5), counted from the field behind the name. */
const THREADS_FIELD = 17;
const START_TIME_FIELD = 19;

/** @throws {UnusableSpool | FilesError} if a process that runs has the lock, or it cannot be written. */
export async function lockSpool(files: Files, path: string): Promise<Release> {
  const ours = await holder(files, "self");
  if (ours === undefined) return () => Promise.resolve();
  if (!(await create(files, path, ours))) {
    const theirs = await readText(files, path);
    const pid = theirs?.split(" ")[1] ?? "";
    if (/^[0-9]+$/.test(pid) && (await holder(files, pid)) === theirs) {
      throw new UnusableSpool(`${path}: process ${pid} uses this spool`);
    }
    await tolerate(files.unlink(path));
    if (!(await create(files, path, ours))) {
      throw new UnusableSpool(`${path}: another process took this spool`);
    }
  }
  return () => tolerate(files.unlink(path));
}

/** Boot, pid and start time of a process; undefined if it runs no more or cannot be seen. */
async function holder(files: Files, pid: string): Promise<string | undefined> {
  const bootId = await readText(files, BOOT_ID);
  const stat = await readText(files, `/proc/${pid}/stat`);
  if (bootId === undefined || stat === undefined) return undefined;
  // The name stands in parentheses and may hold anything, also spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (isDead(fields)) return undefined;
  return `${bootId.trim()} ${stat.split(" ", 1)[0]} ${fields[START_TIME_FIELD]}`;
}

/** While a thread is left, it may still be inside a write. */
function isDead(fields: readonly string[]): boolean {
  const isZombie = fields[0] === "Z" || fields[0] === "X";
  return isZombie && Number(fields[THREADS_FIELD]) <= 1;
}

async function create(files: Files, path: string, content: string): Promise<boolean> {
  try {
    const file = await files.open(path, "create");
    try {
      await file.write([new TextEncoder().encode(content)], 0);
    } finally {
      await tolerate(file.close());
    }
    return true;
  } catch (error) {
    if (error instanceof FilesError && error.code === "EEXIST") return false;
    throw error;
  }
}

async function readText(files: Files, path: string): Promise<string | undefined> {
  try {
    const file = await files.open(path, "read");
    try {
      return new TextDecoder().decode(await file.read(0, MAX_PROC_BYTES));
    } finally {
      await tolerate(file.close());
    }
  } catch (error) {
    if (error instanceof FilesError) return undefined;
    throw error;
  }
}
