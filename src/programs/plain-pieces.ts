/**
 * The bytes of a file of OpenSMTPD's queue, which may be compressed with gzip, told by its
 * first bytes as there. What it encrypted cannot be read.
 *
 * Promises: no more than was allowed comes out, however small the file is.
 *
 * Source: OpenSMTPD queue_backend.c (queue_message_fd_r), crypto.c (the first byte).
 */
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";

const READ_BYTES: number = 64 * 1024;
const GZIP: readonly number[] = [0x1f, 0x8b];
const ENCRYPTED = 0x01;

/** Decompressed. @throws {FilesError} also if there are more than `maxBytes`. */
export async function* plainPieces(
  files: Files,
  path: string,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const file = await files.open(path, "read");
  try {
    if ((await file.stat()).kind !== "file") throw new FilesError("EINVAL", "It is no file");
    const head = await file.read(0, GZIP.length);
    if (head[0] === ENCRYPTED) throw new FilesError("EINVAL", "It is encrypted");
    const isGzip = GZIP.every((byte, at) => head[at] === byte);
    let bytes = 0;
    for await (const piece of isGzip ? gunzipped(file) : piecesOf(file)) {
      bytes += piece.length;
      if (bytes > maxBytes) throw new FilesError("EFBIG", `It has more than ${maxBytes} bytes`);
      yield piece;
    }
  } finally {
    await file.close();
  }
}

async function* piecesOf(file: OpenFile): AsyncGenerator<Uint8Array> {
  for (let at = 0; ; ) {
    const piece = await file.read(at, READ_BYTES);
    if (piece.length === 0) return;
    at += piece.length;
    yield piece;
  }
}

async function* gunzipped(file: OpenFile): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  const source = Readable.from(piecesOf(file));
  source.once("error", (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    for await (const piece of gunzip as AsyncIterable<Uint8Array>) yield piece;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FilesError("EINVAL", `It does not decompress: ${why}`, { cause: error });
  }
}
