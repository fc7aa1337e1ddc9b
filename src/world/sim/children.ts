/**
 * Programs as functions: what a program named in a test does with its request.
 *
 * Time-outs pass on the simulated clock, and output beyond the bound is refused
 * as the real port does. A program that is not in the map cannot be started.
 */
import type { Children, RunRequest, RunResult } from "#base/ports/children.ts";
import type { Clock } from "#base/ports/clock.ts";

/** Answers one run. A promise that stays open is a program that hangs. */
export type SimProgram = (request: RunRequest) => RunResult | Promise<RunResult>;

export class SimChildren implements Children {
  readonly #clock: Clock;
  readonly #programs: Map<string, SimProgram>;

  /** @param programs by the first word of their command. */
  constructor(clock: Clock, programs: Readonly<Record<string, SimProgram>> = {}) {
    this.#clock = clock;
    this.#programs = new Map(Object.entries(programs));
  }

  set(program: string, behaviour: SimProgram): void {
    this.#programs.set(program, behaviour);
  }

  async run(request: RunRequest): Promise<RunResult> {
    const [name] = request.command;
    const program = this.#programs.get(name);
    if (program === undefined) {
      return { kind: "not-started", cause: new Error(`Cannot start ${name}: no such program`) };
    }
    const result = await this.#beforeTimeout(program(request), request.timeoutMs);
    if (result.kind !== "exited") return result;
    const printed = result.stdout.length + result.stderr.length;
    return printed > request.maxOutputBytes ? { kind: "too-much-output" } : result;
  }

  #beforeTimeout(running: RunResult | Promise<RunResult>, timeoutMs: number): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(timeoutMs, () => resolve({ kind: "timed-out" }));
      Promise.resolve(running).then(resolve, reject).finally(cancel);
    });
  }
}

/** The result of a program that ended by itself. */
export function exited(code: number, stdout = "", stderr = ""): RunResult {
  const encoder = new TextEncoder();
  return {
    kind: "exited",
    code,
    stdout: encoder.encode(stdout),
    stderr: encoder.encode(stderr),
  };
}
