/**
 * What a server's processes cost: CPU time and memory of a process and all that
 * descend from it, as Linux accounts for them.
 *
 * CPU time counts children that ended too, as their parents waited for them. Memory
 * is PSS, in which a page that n processes share counts 1/n to each, so that the sum
 * over a tree is what the tree really takes.
 *
 * Source: proc_pid_stat(5), proc_pid_smaps(5).
 */
import { readdirSync, readFileSync } from "node:fs";

/** Of `utime` and its kin: USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Fields of /proc/PID/stat, counted from the one after the name in parentheses. */
const PARENT_FIELD = 1;
const FIRST_TIME_FIELD = 11;
const TIME_FIELDS = 4; // utime, stime, cutime, cstime

/** The process `root` and its living descendants. */
export function processTree(root: number): readonly number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statFields(Number(name))[PARENT_FIELD]);
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(childrenOf.get(pid) ?? []));
  return tree;
}

/** CPU seconds that the tree of `root` has used so far. */
export function cpuSeconds(root: number): number {
  let ticks = 0;
  for (const pid of processTree(root)) {
    const times = statFields(pid).slice(FIRST_TIME_FIELD, FIRST_TIME_FIELD + TIME_FIELDS);
    for (const time of times) ticks += Number(time);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Bytes of memory that the tree of `root` takes now, as PSS. */
export function pssBytes(root: number): number {
  let total = 0;
  for (const pid of processTree(root)) {
    const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readProc(`${pid}/smaps_rollup`))?.[1];
    total += Number(kilobytes ?? 0) * 1024;
  }
  return total;
}

function statFields(pid: number): readonly string[] {
  const stat = readProc(`${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** A process may end between being listed and being read: then it counts nothing. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "latin1");
  } catch {
    return "";
  }
}
