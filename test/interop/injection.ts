/**
 * Faults in the system calls of a running process, by strace(1): calls that fail, and calls
 * in which the process is killed. Calls are counted in each thread of the process, so "the
 * second" is the second of whichever thread comes to two first.
 *
 * Strace injects only into calls that it also traces, and says nothing if they are others:
 * `hits` tells how often it did.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { until } from "./greeting.ts";
import { endOf, programPath, unlessInstalled } from "./peer-program.ts";
import { RUNS_AS_ROOT, type Scratch } from "./scratch.ts";

export interface Fault {
  /** System calls, separated by commas. */
  readonly calls: string;
  /** `error=EIO`, `signal=KILL`. */
  readonly effect: string;
  /** As strace has it: `3` is the third call, `3+` that and all behind it. */
  readonly when: string;
}

/** `node:test`'s `skip`: why nothing can be injected here, or false. */
export function unlessInjectable(): string | false {
  return RUNS_AS_ROOT ? unlessInstalled("strace") : "only root can trace the daemon's processes";
}

/** What strace needs for a fault. */
export function straceWords({ calls, effect, when }: Fault): readonly string[] {
  const inject = `inject=${calls}:${effect}:when=${when}`;
  return ["-f", "-e", `trace=${calls}`, "-e", inject, "-e", "signal=none"];
}

/** A fault that is there until this is disposed of, or the process has ended. */
export class Injection implements AsyncDisposable {
  readonly #tracer: ChildProcess;
  readonly #outputPath: string;

  private constructor(tracer: ChildProcess, outputPath: string) {
    this.#tracer = tracer;
    this.#outputPath = outputPath;
  }

  /** Resolves when calls fail. */
  static async into(pid: number, fault: Fault, scratch: Scratch): Promise<Injection> {
    const outputPath = `${scratch.folder}/strace`;
    writeFileSync(outputPath, "");
    const words = [...straceWords(fault), "-o", outputPath];
    return new Injection(await tracerOf(pid, words), outputPath);
  }

  /** How often the fault was injected so far. */
  get hits(): number {
    const text = readFileSync(this.#outputPath, "latin1");
    return text.match(/\(INJECTED\)|killed by SIGKILL/g)?.length ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await letGo(this.#tracer);
  }
}

/** A strace(1) that is attached to a running process. */
export async function tracerOf(pid: number, words: readonly string[]): Promise<ChildProcess> {
  const tracer = spawn(programPath("strace"), [...words, "-p", String(pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  tracer.stderr.setEncoding("latin1");
  tracer.stderr.on("data", (text: string) => {
    told += text;
  });
  await until(
    () => /attached/.test(told) || tracer.exitCode !== null,
    `word of strace that it is attached to ${pid}`,
  );
  // It may have ended already, with a process that died at once.
  if (!/attached/.test(told)) throw new Error(`Cannot trace ${pid}: ${told}`);
  return tracer;
}

/** The process goes on by itself. Resolves when the tracer has written all that it knows. */
export async function letGo(tracer: ChildProcess): Promise<void> {
  const ended = endOf(tracer);
  tracer.kill("SIGINT");
  await ended;
}
