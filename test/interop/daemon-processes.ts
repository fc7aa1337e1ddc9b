/** The processes of a running daemon, seen from outside: /proc. */
import { readdirSync, readFileSync } from "node:fs";

export interface DaemonProcess {
  readonly pid: number;
  /** "parent", or the role of a child. */
  readonly role: string;
}

/** The program of a role is all that it is started with. */
const ROLE = /\/([a-z]+)-main\.[jt]s\0$/u;

/** `pid` and every process below it. */
export function processesOf(pid: number): readonly DaemonProcess[] {
  const found: DaemonProcess[] = [{ pid, role: "parent" }];
  for (const { pid: parent } of found) {
    for (const child of childrenOf(parent)) {
      const [, role = ""] = ROLE.exec(textOf(`/proc/${child}/cmdline`)) ?? [];
      found.push({ pid: child, role });
    }
  }
  return found;
}

/** Proportional set size of all of them: what they cost together. */
export function memoryOf(pid: number): number {
  return processesOf(pid).reduce((sum, each) => sum + pssOf(each.pid), 0);
}

function pssOf(pid: number): number {
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/smaps_rollup`))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

function childrenOf(pid: number): readonly number[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.flatMap((task) =>
      textOf(`/proc/${pid}/task/${task}/children`).split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** Processes may end while they are looked at. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
