/**
 * Where damaged bytes are kept: `corrupt/`. Nothing that may hold an accepted
 * message is ever deleted; what cannot be read is copied or moved there, and told.
 */
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import type { Observe } from "#model/events.ts";
import { tolerate } from "./file-faults.ts";

const PIECE_BYTES: number = 256 * 1024;

export class Quarantine {
  readonly #files: Files;
  readonly #folder: string;
  readonly #observe: Observe;
  #damages = 0;

  constructor(files: Files, folder: string, observe: Observe) {
    this.#files = files;
    this.#folder = folder;
    this.#observe = observe;
  }

  /** How often damage was met. */
  get damages(): number {
    return this.#damages;
  }

  /** Tells of damage of which nothing can be kept. */
  report(file: string, offset: number, reason: string): void {
    this.#damages++;
    this.#observe({ kind: "spool-damage", file, offset, reason });
  }

  /**
   * Copies a stretch of a file, once: the next start finds the same damage.
   *
   * @returns false if it could not be copied, so that the original must stay.
   */
  async copy(
    path: string,
    stretch: { readonly at: number; readonly bytes: number },
    reason: string,
  ): Promise<boolean> {
    this.report(path, stretch.at, reason);
    const target = `${this.#folder}/${nameOf(path)}-${stretch.at}`;
    const copied = await this.#attempt(path, async () => {
      if (await this.#exists(target)) return;
      const from = await this.#files.open(path, "read");
      try {
        await this.#copyStretch(from, stretch, target);
      } finally {
        await tolerate(from.close());
      }
    });
    return copied;
  }

  /** Moves a whole file. */
  async move(path: string, reason: string): Promise<boolean> {
    this.report(path, 0, reason);
    return this.#attempt(path, () => this.#files.rename(path, `${this.#folder}/${nameOf(path)}`));
  }

  async #copyStretch(
    from: OpenFile,
    stretch: { readonly at: number; readonly bytes: number },
    target: string,
  ): Promise<void> {
    // Under its own name only when it is complete.
    const partial = `${target}.partial`;
    await tolerate(this.#files.unlink(partial));
    const to = await this.#files.open(partial, "create");
    try {
      for (let done = 0; done < stretch.bytes; ) {
        const wanted = Math.min(PIECE_BYTES, stretch.bytes - done);
        const piece = await from.read(stretch.at + done, wanted);
        if (piece.length === 0) break;
        await to.write([piece], done);
        done += piece.length;
      }
      await to.sync();
    } finally {
      await tolerate(to.close());
    }
    await this.#files.rename(partial, target);
    await this.#files.syncFolder(this.#folder);
  }

  async #exists(path: string): Promise<boolean> {
    try {
      await this.#files.stat(path);
      return true;
    } catch (error) {
      if (error instanceof FilesError && error.code === "ENOENT") return false;
      throw error;
    }
  }

  async #attempt(path: string, action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      const what = `Cannot keep a copy of the damage in ${path}`;
      this.#observe({ kind: "spool-trouble", what, cause: error.message });
      return false;
    }
  }
}

/** The last names of a path, as one name: segments and blobs do not meet. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
