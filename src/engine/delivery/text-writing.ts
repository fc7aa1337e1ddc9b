/** Writes a text that comes in pieces in writes of a size that suits a disk, or a pipe. */
import type { OpenFile } from "#base/ports/files.ts";

/** Text is gathered up to this size before it is written. */
export const WRITE_BYTES: number = 256 * 1024;

/** @returns the bytes written, from `offset` on. @throws {FilesError} */
export async function writeText(
  file: OpenFile,
  offset: number,
  pieces: AsyncIterable<Uint8Array>,
): Promise<number> {
  let at = offset;
  for await (const block of blocksOf(pieces)) {
    await file.write(block, at);
    for (const { length } of block) at += length;
  }
  return at - offset;
}

/** The same bytes in pieces of that size. */
export async function* gathered(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  for await (const block of blocksOf(pieces)) yield Buffer.concat(block);
}

/** Pieces that are written together; none is without a byte. */
async function* blocksOf(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly Uint8Array[], void> {
  let block: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    block.push(piece);
    bytes += piece.length;
    if (bytes < WRITE_BYTES) continue;
    yield block;
    block = [];
    bytes = 0;
  }
  if (bytes > 0) yield block;
}
