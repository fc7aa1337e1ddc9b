/**
 * Where sendmail(8) keeps a body while it is read: in memory, and from MAX_MEMORY_BYTES on in a
 * file without a name, which is gone with the process however that ends.
 *
 * Source: OpenSMTPD enqueue.c, which has a tmpfile(3) for every message.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FilesError } from "#base/ports/files.ts";
import type { BodyStore } from "#engine/enqueue/body-store.ts";

const MAX_MEMORY_BYTES: number = 1024 * 1024;
const READ_BYTES: number = 64 * 1024;
const NEW_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export class TemporaryBody implements BodyStore, Disposable {
  readonly #folder: string;
  readonly #pieces: Uint8Array[] = [];
  #fd: number | undefined;
  #bytes = 0;

  /** @param folder for who has much to say. */
  constructor(folder: string = tmpdir()) {
    this.#folder = folder;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(text: Uint8Array): void {
    this.#bytes += text.length;
    if (this.#fd === undefined && this.#bytes <= MAX_MEMORY_BYTES) {
      this.#pieces.push(text);
      return;
    }
    inFile(() => {
      const fd = (this.#fd ??= openUnnamed(this.#folder));
      for (const piece of this.#pieces.splice(0)) writeWhole(fd, piece);
      writeWhole(fd, text);
    });
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const fd = this.#fd;
    if (fd === undefined) {
      yield* this.#pieces;
      return;
    }
    for (let at = 0; ; ) {
      const piece = Buffer.allocUnsafe(READ_BYTES);
      const from = at;
      const length = inFile(() => readSync(fd, piece, 0, READ_BYTES, from));
      if (length === 0) return;
      at += length;
      yield piece.subarray(0, length);
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function openUnnamed(folder: string): number {
  const path = join(folder, `postrider-${randomBytes(12).toString("hex")}`);
  const fd = openSync(path, NEW_FILE, 0o600);
  unlinkSync(path);
  return fd;
}

function writeWhole(fd: number, text: Uint8Array): void {
  for (let at = 0; at < text.length; ) at += writeSync(fd, text, at);
}

function inFile<Value>(use: () => Value): Value {
  try {
    return use();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new FilesError(code ?? "EIO", message, { cause: error });
  }
}
