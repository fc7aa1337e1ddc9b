/**
 * Forward files, remembered for a short while, so that a flood of mail does not read
 * them again and again; and never too many asked for at once, since each may start a
 * process. What could not be read is asked for again.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { ForwardFile, ForwardFiles } from "#model/forward-file.ts";

/** How long a file is believed; who edits theirs sees it take effect. */
const REMEMBER_MS = 5_000;
/** Accounts remembered at once; beyond it the oldest is forgotten. */
const MAX_REMEMBERED = 1_000;
/** Each may start a process, and whoever can name accounts can make us ask: few at once. */
const MAX_ASKED = 16;

interface Remembered {
  readonly file: Promise<ForwardFile>;
  readonly untilMs: number;
}

export class RememberedForwards implements ForwardFiles {
  readonly #clock: Clock;
  readonly #accountOf: (action: string, user: string) => string;
  readonly #files: ForwardFiles;
  readonly #remembered = new Map<string, Remembered>();
  #asked = 0;

  /** @param accountOf whose file it is: actions may share accounts. */
  constructor(
    clock: Clock,
    accountOf: (action: string, user: string) => string,
    files: ForwardFiles,
  ) {
    this.#clock = clock;
    this.#accountOf = accountOf;
    this.#files = files;
  }

  read(action: string, user: string): ForwardFile | Promise<ForwardFile> {
    const account = this.#accountOf(action, user);
    const nowMs = this.#clock.monotonicMs();
    const known = this.#remembered.get(account);
    if (known !== undefined && known.untilMs > nowMs) return known.file;
    if (this.#asked >= MAX_ASKED)
      return { kind: "unavailable", why: "too many forward files are being read" };
    const file = this.#ask(account, action, user);
    this.#remembered.delete(account);
    this.#remembered.set(account, { file, untilMs: nowMs + REMEMBER_MS });
    if (this.#remembered.size > MAX_REMEMBERED) {
      for (const oldest of this.#remembered.keys()) {
        this.#remembered.delete(oldest);
        break;
      }
    }
    return file;
  }

  async #ask(account: string, action: string, user: string): Promise<ForwardFile> {
    this.#asked++;
    const file = await this.#files.read(action, user);
    this.#asked--;
    if (file.kind === "unavailable") this.#remembered.delete(account);
    return file;
  }
}
