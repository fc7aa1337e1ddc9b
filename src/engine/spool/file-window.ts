/**
 * A file seen through a window that moves forward: memory stays bounded while a
 * whole segment is read, and small records cost no system call each.
 */
import type { OpenFile } from "#base/ports/files.ts";
import { tolerantRead } from "./tolerant-read.ts";

const WINDOW_BYTES: number = 1024 * 1024;

export class FileWindow {
  readonly #file: OpenFile;
  readonly #windowBytes: number;
  #from = 0;
  #bytes: Uint8Array = new Uint8Array(0);

  /** @param windowBytes what is read at once; small for one record, large for all of them. */
  constructor(file: OpenFile, windowBytes: number = WINDOW_BYTES) {
    this.#file = file;
    this.#windowBytes = windowBytes;
  }

  /** `length` bytes at `offset`, fewer only at the end of the file. A view, valid until the next call. */
  async view(offset: number, length: number): Promise<Uint8Array> {
    const at = offset - this.#from;
    if (at < 0 || at + length > this.#bytes.length) {
      this.#bytes = await tolerantRead(this.#file, offset, Math.max(length, this.#windowBytes));
      this.#from = offset;
      return this.#bytes.subarray(0, length);
    }
    return this.#bytes.subarray(at, at + length);
  }
}
