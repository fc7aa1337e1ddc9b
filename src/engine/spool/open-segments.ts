/**
 * Segments that are open for reading. What is read mostly lies beside what was read before: the segments that were used last stay open, a bounded number of them, until they
 * are unlinked.
 */
import type { Files, OpenFile, ReadableFile } from "#base/ports/files.ts";
import { tolerate } from "./file-faults.ts";
import type { Segment } from "./segment.ts";

/** Segments that stay open; more are open only while they are read. */
export const MAX_OPEN_SEGMENTS = 4;

/** One of those who read a segment; `close` closes it for him alone. */
export type SegmentFile = ReadableFile & Pick<OpenFile, "close">;

interface Opened {
  readonly file: Promise<OpenFile>;
  readers: number;
}

export class OpenSegments {
  readonly #files: Files;
  /** The one that was used last at the end. */
  readonly #kept = new Map<Segment, Opened>();
  #maxKept: number;

  constructor(files: Files, maxKept: number = MAX_OPEN_SEGMENTS) {
    this.#files = files;
    this.#maxKept = maxKept;
  }

  /** To be closed once, by who has opened it. @throws {FilesError} */
  async open(segment: Segment): Promise<SegmentFile> {
    const known = this.#kept.get(segment);
    const opened = known ?? { file: this.#files.open(segment.path, "read"), readers: 0 };
    opened.readers++;
    this.#kept.delete(segment);
    this.#kept.set(segment, opened);
    try {
      const file = await opened.file;
      await this.#closeOldest();
      return {
        read: (offset, length) => file.read(offset, length),
        close: () => this.#release(segment, opened),
      };
    } catch (error) {
      // The next one tries anew.
      if (this.#kept.get(segment) === opened) this.#kept.delete(segment);
      throw error;
    }
  }

  /** A segment as a file that need not be closed: it is open for each read. */
  readable(segment: Segment): ReadableFile {
    return {
      read: async (offset, length) => {
        const file = await this.open(segment);
        try {
          return await file.read(offset, length);
        } finally {
          await file.close();
        }
      },
    };
  }

  /** Closes a segment that will not be read any more, once those that read it now have done so. */
  async forget(segment: Segment): Promise<void> {
    const opened = this.#kept.get(segment);
    if (opened === undefined) return;
    this.#kept.delete(segment);
    if (opened.readers === 0) await closeFile(opened);
  }

  /** As `forget`, for all of them. Whoever opens one from now on opens it for himself. */
  async close(): Promise<void> {
    this.#maxKept = 0;
    for (const segment of this.#kept.keys()) await this.forget(segment);
  }

  async #release(segment: Segment, opened: Opened): Promise<void> {
    opened.readers--;
    const isKept = this.#kept.get(segment) === opened;
    if (!isKept && opened.readers === 0) await closeFile(opened);
  }

  async #closeOldest(): Promise<void> {
    for (const segment of this.#kept.keys()) {
      if (this.#kept.size <= this.#maxKept) return;
      await this.forget(segment);
    }
  }
}

async function closeFile({ file }: Opened): Promise<void> {
  await tolerate((await file).close());
}
