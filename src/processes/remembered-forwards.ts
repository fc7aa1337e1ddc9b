/**
 * Forward files, remembered for a short while, so that a flood of mail does not read
 * them again and again; and never too many asked for at once, since each may start a
 * process. What could not be read is asked for again.
 */
import type { Clock } from "#base/ports/clock.ts";
import { type RememberBounds, RememberedAnswers } from "#base/time/remembered-answers.ts";
import type { ForwardFile, ForwardFiles } from "#model/forward-file.ts";

/** Of files, by account; who edits theirs sees it take effect soon. */
const BOUNDS: RememberBounds = { keptMs: 5_000, maxKept: 1_000 };
/** Each may start a process, and whoever can name accounts can make us ask: few at once. */
const MAX_ASKED = 16;

export class RememberedForwards implements ForwardFiles {
  readonly #accountOf: (action: string, user: string) => string;
  readonly #files: ForwardFiles;
  readonly #remembered: RememberedAnswers<ForwardFile>;
  #asked = 0;

  /** @param accountOf whose file it is: actions may share accounts. */
  constructor(
    clock: Clock,
    accountOf: (action: string, user: string) => string,
    files: ForwardFiles,
  ) {
    this.#remembered = new RememberedAnswers(clock, BOUNDS);
    this.#accountOf = accountOf;
    this.#files = files;
  }

  read(action: string, user: string): ForwardFile | Promise<ForwardFile> {
    const account = this.#accountOf(action, user);
    const known = this.#remembered.known(account);
    if (known !== undefined) return known;
    if (this.#asked >= MAX_ASKED)
      return { kind: "unavailable", why: "too many forward files are being read" };
    return this.#remembered.keep(account, this.#ask(action, user));
  }

  async #ask(action: string, user: string): Promise<ForwardFile> {
    this.#asked++;
    const file = await this.#files.read(action, user);
    this.#asked--;
    return file;
  }
}
