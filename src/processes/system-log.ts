/**
 * Lines on their way to syslog through logger(1), since Node cannot write to /dev/log itself.
 *
 * A logger that ends is started again, later each time. What it was not given waits for the next
 * one, up to the bound of who writes (line-writer.ts); what it was given and had not read is
 * lost, and the first line of the next one says so. What went wrong is told at once to who may
 * still hear it.
 */
import { spawn } from "node:child_process";
import type { Writable } from "node:stream";
import type { Clock } from "#base/ports/clock.ts";
import { SYSTEM_PATH, systemProgram } from "#world/node/system-programs.ts";
import type { LineSink } from "./line-writer.ts";
import { RetryTimes } from "./retry-times.ts";

const FIRST_RESTART_MS = 200;
const MAX_RESTART_MS = 30_000;
/** One that has lived this long has proved itself: the next wait is short again. */
const PROVED_AFTER_MS = 60_000;

/** logger(1) cuts what is longer; it takes 1 KiB by itself. */
const LONGEST_LINE = "8KiB";

const LINE_FEED = 0x0a;

/** A logger(1) that runs. */
export interface Logger {
  readonly stdin: Writable;
  /** How it ended, in words that go behind its name. Never rejects. */
  readonly ended: Promise<string>;
  kill(): void;
}

export interface SystemLogPorts {
  readonly clock: Clock;
  /** The string says why there is none, as of `ended`. */
  readonly start: () => Logger | string;
}

export interface SystemLogSettings {
  /** Stands in front of a warning. */
  readonly warningMark: string;
  /** Told what goes wrong, once for each new fault. */
  readonly complain: (text: string) => void;
}

/** What was given in one write. */
interface Piece {
  readonly bytes: Buffer;
  readonly written: (() => void) | undefined;
}

type State =
  | { readonly kind: "running"; readonly logger: Logger; readonly sinceMs: number }
  | { readonly kind: "waiting"; readonly cancel: () => void }
  | { readonly kind: "closed" };

export class SystemLog implements LineSink {
  readonly #ports: SystemLogPorts;
  readonly #settings: SystemLogSettings;
  readonly #restarts: RetryTimes<"logger">;
  /** In their order, bounded by who writes; the stream of a logger that runs has them, too. */
  readonly #unwritten = new Set<Piece>();
  #unwrittenBytes = 0;
  /** How the last one has ended, until the next one has been told. */
  #ended: string | undefined;
  /** Of a fault that goes on there is one complaint. */
  #complainedOf: string | undefined;
  #state: State;

  constructor(ports: SystemLogPorts, settings: SystemLogSettings) {
    this.#ports = ports;
    this.#settings = settings;
    const bounds = { firstMs: FIRST_RESTART_MS, maxMs: MAX_RESTART_MS, max: 1 };
    this.#restarts = new RetryTimes(ports.clock, bounds);
    this.#state = this.#started();
  }

  get unwrittenBytes(): number {
    return this.#unwrittenBytes;
  }

  write(lines: string | Buffer, written?: () => void): void {
    const bytes = typeof lines === "string" ? Buffer.from(lines) : lines;
    const piece: Piece = { bytes, written };
    this.#unwritten.add(piece);
    this.#unwrittenBytes += bytes.length;
    if (this.#state.kind === "running") this.#give(piece, this.#state.logger);
  }

  /**
   * What was written is still read; what could not be is lost.
   *
   * @param missing lines that it was never given.
   */
  close(missing: number): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    if (state.kind === "waiting") state.cancel();
    if (state.kind === "running") state.logger.stdin.end();
    const left = missing + linesOf(this.#unwritten);
    if (left > 0) this.#settings.complain(`${left} log lines lost`);
  }

  #started(): State {
    const logger = this.#ports.start();
    if (typeof logger === "string") return this.#waiting(logger);
    const state: State = { kind: "running", logger, sinceMs: this.#ports.clock.monotonicMs() };
    const over = (how: string): void => {
      if (this.#state !== state) return;
      if (this.#ports.clock.monotonicMs() - state.sinceMs >= PROVED_AFTER_MS) {
        this.#restarts.forget("logger");
        this.#complainedOf = undefined;
      }
      this.#state = this.#waiting(how);
    };
    // EPIPE: it reads no more; how it has ended comes next.
    logger.stdin.on("error", () => logger.kill());
    void logger.ended.then(over);
    if (this.#ended !== undefined) this.#tellNext(this.#ended, logger);
    for (const piece of this.#unwritten) this.#give(piece, logger);
    return state;
  }

  #waiting(how: string): State {
    this.#ended ??= how;
    this.#restarts.failed("logger");
    if (how !== this.#complainedOf) {
      this.#complainedOf = how;
      this.#settings.complain(`logger(1) ${how}: log lines wait until it is started again`);
    }
    const cancel = this.#ports.clock.after(this.#restarts.nextInMs, () => {
      this.#state = this.#started();
    });
    return { kind: "waiting", cancel };
  }

  #tellNext(how: string, logger: Logger): void {
    const lost = "what it had not read is lost";
    const line = `${this.#settings.warningMark}warn: logger(1) ${how} and was started again: ${lost}\n`;
    logger.stdin.write(line, (error) => {
      if (!error) this.#ended = undefined;
    });
  }

  #give(piece: Piece, { stdin }: Logger): void {
    stdin.write(piece.bytes, (error) => {
      // One that failed has its pieces given to the next.
      if (error || !this.#unwritten.delete(piece)) return;
      this.#unwrittenBytes -= piece.bytes.length;
      piece.written?.();
    });
  }
}

/**
 * Starts a logger(1): facility mail, tag `smtpd[PID]`, level info unless a line begins with another.
 * The string says why there is none.
 */
export function startLogger(): Logger | string {
  const program = systemProgram("logger");
  if (program === undefined) return `is not in ${SYSTEM_PATH}`;
  const words = [`--id=${process.pid}`, "--tag=smtpd", "--priority=mail.info", "--prio-prefix"];
  try {
    const child = spawn(program, [...words, `--size=${LONGEST_LINE}`], {
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: SYSTEM_PATH, LANG: "C.UTF-8" },
      // Ctrl-C is for the daemon: its last lines are still to come.
      detached: true,
    });
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    child.once("error", (error) => resolve(notStarted(error)));
    child.once("exit", (code, signal) =>
      resolve(signal === null ? `exited with ${code ?? "no code"}` : `was ended by ${signal}`),
    );
    // Without a descriptor for it (EMFILE) there is no pipe: an error comes.
    const { stdin }: Partial<typeof child> = child;
    if (stdin === undefined) return "could not be started: no descriptor is left for it";
    return { stdin, ended, kill: () => void child.kill("SIGKILL") };
  } catch (error) {
    return notStarted(error);
  }
}

function linesOf(pieces: Iterable<Piece>): number {
  let count = 0;
  for (const { bytes } of pieces) for (const byte of bytes) if (byte === LINE_FEED) count++;
  return count;
}

function notStarted(error: unknown): string {
  return `could not be started: ${error instanceof Error ? error.message : String(error)}`;
}
