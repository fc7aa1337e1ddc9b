/**
 * A file seen through a window that moves forward: memory stays bounded while a
 * whole segment is read, and small records cost no system call each.
 */
import type { ReadableFile } from "#base/ports/files.ts";
import { tolerantRead } from "./tolerant-read.ts";

const WINDOW_BYTES: number = 1024 * 1024;

export class FileWindow {
  readonly #file: ReadableFile;
  readonly #windowBytes: number;
  #from = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #isWhole = true;

  /** @param windowBytes what is read at once; small for one record, large for all of them. */
  constructor(file: ReadableFile, windowBytes: number = WINDOW_BYTES) {
    this.#file = file;
    this.#windowBytes = windowBytes;
  }

  /** `length` bytes at `offset`, fewer only at the end of the file. A view, valid until the next call. */
  async view(offset: number, length: number): Promise<Uint8Array> {
    const seen = this.#inside(offset, length);
    if (seen !== undefined) return seen;
    const wanted = Math.max(length, this.#windowBytes);
    const { bytes, isWhole } = await tolerantRead(this.#file, offset, wanted);
    this.#bytes = bytes;
    this.#isWhole = isWhole;
    this.#from = offset;
    return bytes.subarray(0, length);
  }

  /** Reads like the file itself: what the disk cannot read is an error here. The caller owns the array. @throws {FilesError} */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const seen = this.#isWhole ? this.#inside(offset, length) : undefined;
    return seen?.slice() ?? this.#file.read(offset, length);
  }

  #inside(offset: number, length: number): Uint8Array | undefined {
    const at = offset - this.#from;
    if (at < 0 || at + length > this.#bytes.length) return undefined;
    return this.#bytes.subarray(at, at + length);
  }
}
