/**
 * Whether more may be accepted. A reserve is kept for what makes room again:
 * results, bounces, and segments that are written anew so that others can go.
 *
 * The file system is asked at most once a second, when somebody wants to know;
 * in between, what was written since is subtracted.
 */
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError } from "#base/ports/files.ts";

const REFRESH_MS = 1000;
/** Files that stay free for segments. */
const RESERVE_FILES = 16;

export class Room {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #folder: string;
  readonly #reserveBytes: number;
  /** Until the file system answered, everything fits: a full disk still says so itself. */
  #freeBytes = Infinity;
  #freeFiles = Infinity;
  #writtenBytes = 0;
  #askedAtMs = -Infinity;
  #asking = false;

  constructor(
    where: { readonly files: Files; readonly clock: Clock; readonly folder: string },
    reserveBytes: number,
  ) {
    this.#files = where.files;
    this.#clock = where.clock;
    this.#folder = where.folder;
    this.#reserveBytes = reserveBytes;
  }

  /** Whether `bytes` fit beside the reserve, by what was last heard of the file system. */
  has(bytes: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (!this.#asking && nowMs - this.#askedAtMs >= REFRESH_MS) {
      void this.refresh();
    }
    const left = this.#freeBytes - this.#writtenBytes - bytes;
    return left >= this.#reserveBytes && this.#freeFiles >= RESERVE_FILES;
  }

  /** Counts bytes that were written since the file system was asked. */
  spend(bytes: number): void {
    this.#writtenBytes += bytes;
  }

  /** Asks the file system; if it does not say, what was known stays. */
  async refresh(): Promise<void> {
    this.#asking = true;
    this.#askedAtMs = this.#clock.monotonicMs();
    const countedBytes = this.#writtenBytes;
    try {
      const { bytes, files } = await this.#files.freeSpace(this.#folder);
      this.#freeBytes = bytes;
      this.#freeFiles = files;
      // What was written since the question is not in the answer.
      this.#writtenBytes -= countedBytes;
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
    } finally {
      this.#asking = false;
    }
  }
}
