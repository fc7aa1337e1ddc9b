/**
 * Runs commands with child_process.spawn and /bin/sh, each in a session and process group
 * of its own, which is killed as a whole.
 *
 * A command has three descriptors, of which both outputs are one pipe's ends, and the
 * environment that it is given. It has ended when the shell has: what it left behind may
 * hold its pipes, and keeps nobody waiting.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { CR, LF, SPACE, TAB } from "#base/ascii.ts";
import {
  type CommandEnd,
  type CommandOrder,
  type Commands,
  LAST_LINE_BYTES,
} from "#base/ports/commands.ts";

/** What a command has printed is in the pipe when it ends: read for this long at most. */
const LAST_WORDS_MS = 100;

export function nodeCommands(): Commands {
  const running = new Set<RunningCommand>();
  return {
    async run(order) {
      const command = new RunningCommand(order);
      running.add(command);
      try {
        return await command.end();
      } finally {
        running.delete(command);
      }
    },
    stop() {
      for (const command of running) command.kill({ kind: "stopped" });
    },
  };
}

class RunningCommand {
  readonly #order: CommandOrder;
  readonly #ended = Promise.withResolvers<CommandEnd>();
  readonly #output = new LastLine();
  #child: ChildProcess | undefined;
  #state: "running" | "ended" = "running";

  constructor(order: CommandOrder) {
    this.#order = order;
  }

  async end(): Promise<CommandEnd> {
    const input = this.#order.input[Symbol.asyncIterator]();
    const cancel = this.#start();
    if (this.#state === "running") void this.#feed(input);
    try {
      return await this.#ended.promise;
    } finally {
      cancel();
      this.#state = "ended";
      const { stdin, stdout, stderr } = this.#child ?? {};
      for (const stream of [stdin, stdout, stderr]) stream?.destroy();
      void input.return?.();
    }
  }

  /** Kills it with all that it started; `as` is how it has ended then. */
  kill(as: CommandEnd): void {
    this.#killGroup();
    this.#settle(as);
  }

  /** @returns what ends waiting for the time limit. */
  #start(): () => void {
    const { command, environment, folder, timeoutMs } = this.#order;
    try {
      this.#child = spawn("/bin/sh", ["-c", command], {
        env: { ...environment },
        cwd: canEnter(folder) ? folder : "/",
        stdio: ["pipe", "pipe", "pipe"],
        // A session of its own, and so a process group that can be killed.
        detached: true,
      });
    } catch (cause) {
      this.#settle(notStarted(cause));
      return () => undefined;
    }
    const child = this.#child;
    const { stdout, stderr }: Partial<ChildProcess> = child;
    child.on("error", (cause) => this.#settle(notStarted(cause)));
    child.on("exit", (code, signal) => void this.#exited(code, signal, [stdout, stderr]));
    for (const stream of [stdout, stderr]) {
      stream?.on("data", (bytes: Uint8Array) => this.#printed(bytes));
      stream?.on("error", () => undefined);
    }
    const timer = setTimeout(() => this.kill({ kind: "timed-out" }), timeoutMs);
    return () => clearTimeout(timer);
  }

  #printed(bytes: Uint8Array): void {
    this.#output.push(bytes);
    if (this.#output.bytes > this.#order.maxOutputBytes) this.kill({ kind: "too-much-output" });
  }

  async #exited(
    code: number | null,
    signal: string | null,
    outputs: readonly (Readable | null | undefined)[],
  ): Promise<void> {
    if (code === null) {
      this.#settle({ kind: "killed", signal: signal ?? "unknown" });
      return;
    }
    await Promise.race([Promise.all(outputs.map(closed)), later(LAST_WORDS_MS)]);
    this.#settle({ kind: "exited", code, lastLine: this.#output.line });
  }

  async #feed(input: AsyncIterator<Uint8Array>): Promise<void> {
    const stdin = this.#child?.stdin;
    if (stdin === null || stdin === undefined) return;
    // A command need not read (EPIPE): how it ends says what that means.
    stdin.on("error", () => undefined);
    const gone = closed(stdin).then(() => "refused" as const);
    try {
      for (;;) {
        const next = await input.next();
        if (next.done === true) break;
        if ((await Promise.race([written(stdin, next.value), gone])) === "refused") return;
      }
      stdin.end();
    } catch (error) {
      this.#killGroup();
      this.#ended.reject(error);
    }
  }

  #killGroup(): void {
    const pid = this.#child?.pid;
    if (pid === undefined || this.#state === "ended") return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // ESRCH: all of it has ended by itself.
    }
  }

  #settle(end: CommandEnd): void {
    this.#state = "ended";
    this.#ended.resolve(end);
  }
}

/** Keeps the last line of what comes that is not blank, and counts. */
class LastLine {
  #bytes = 0;
  #tail: Buffer = Buffer.alloc(0);

  get bytes(): number {
    return this.#bytes;
  }

  push(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    const kept = Buffer.concat([this.#tail, bytes.subarray(-TAIL_BYTES)]);
    this.#tail = kept.subarray(-TAIL_BYTES);
  }

  get line(): Uint8Array {
    const text = this.#tail;
    let end = text.length;
    while (end > 0 && isBlank(text[end - 1])) end--;
    const start = text.lastIndexOf(LF, Math.max(0, end - 1)) + 1;
    return text.subarray(end === 0 ? 0 : start, Math.min(end, start + LAST_LINE_BYTES));
  }
}

/** A last line and what may stand behind it. */
const TAIL_BYTES: number = 2 * LAST_LINE_BYTES;

function isBlank(byte: number | undefined): boolean {
  return byte === LF || byte === CR || byte === SPACE || byte === TAB;
}

function canEnter(folder: string): boolean {
  try {
    accessSync(folder, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function notStarted(cause: unknown): CommandEnd {
  return { kind: "not-started", cause: cause instanceof Error ? cause : new Error(String(cause)) };
}

function written(stdin: Writable, bytes: Uint8Array): Promise<"taken" | "refused"> {
  return new Promise((resolve) => {
    stdin.write(bytes, (error) => resolve(error ? "refused" : "taken"));
  });
}

function closed(stream: Readable | Writable | null | undefined): Promise<void> {
  if (!stream || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("close", () => resolve());
  });
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
