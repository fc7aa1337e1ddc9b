/** Writes a text that comes in pieces in writes of a size that suits a disk, or a pipe. */
import type { OpenFile } from "#base/ports/files.ts";

/** Text is gathered up to this size before it is written. */
const WRITE_BYTES: number = 256 * 1024;

/** @returns the bytes written, from `offset` on. @throws {FilesError} */
export async function writeText(
  file: OpenFile,
  offset: number,
  pieces: AsyncIterable<Uint8Array>,
): Promise<number> {
  let at = offset;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    waitingBytes += piece.length;
    if (waitingBytes < WRITE_BYTES) continue;
    await file.write(waiting, at);
    at += waitingBytes;
    waiting = [];
    waitingBytes = 0;
  }
  if (waitingBytes > 0) await file.write(waiting, at);
  return at + waitingBytes - offset;
}

/** The same bytes in pieces of that size. */
export async function* gathered(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    waitingBytes += piece.length;
    if (waitingBytes < WRITE_BYTES) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
  }
  yield Buffer.concat(waiting);
}
