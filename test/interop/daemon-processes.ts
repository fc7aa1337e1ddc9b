/** The processes of a running daemon, seen from outside: /proc. */
import { readdirSync, readFileSync } from "node:fs";

export interface DaemonProcess {
  readonly pid: number;
  /** "parent", or the role of a child; "" for a program that is no role's. */
  readonly role: string;
  /** The first word of its command. */
  readonly program: string;
}

/** The program of a role is all that it is started with. */
const ROLE = /\/([a-z]+)-main\.[jt]s\0$/u;

/** `pid` and every process below it. */
export function processesOf(pid: number): readonly DaemonProcess[] {
  const found: DaemonProcess[] = [{ pid, role: "parent", program: programOf(commandOf(pid)) }];
  for (const { pid: parent } of found) {
    for (const child of childrenOf(parent)) {
      const command = commandOf(child);
      const [, role = ""] = ROLE.exec(command) ?? [];
      found.push({ pid: child, role, program: programOf(command) });
    }
  }
  return found;
}

/** Proportional set size of all of them: what they cost together. */
export function memoryOf(pid: number): number {
  return processesOf(pid).reduce((sum, each) => sum + pssOf(each.pid), 0);
}

/** Its words, each with a NUL behind it. */
function commandOf(pid: number): string {
  return textOf(`/proc/${pid}/cmdline`);
}

function programOf(command: string): string {
  return command.slice(0, command.indexOf("\0"));
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
