/**
 * `queue compression`: one piece of a text, by itself.
 *
 * Both ways run at their fastest level: the queue is read once or twice, and what is left to
 * win is less than a tenth. They run in this thread: a piece of 256 KiB takes about a
 * millisecond with zstd, a message of 4 KiB some 50 µs, less than a hop to the pool of threads, which is
 * where the disk is synced (bench/RESULTS.md, "Spool").
 */
import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";

export type Compression = "off" | "zstd" | "gzip";

/** How a piece is stored. */
export type PieceForm = "plain" | "zstd" | "gzip";

const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const GZIP = { level: constants.Z_BEST_SPEED };

/** `piece` compressed, or as it is where that is not shorter. */
export function compressed(
  piece: Uint8Array,
  compression: Compression,
): { readonly form: PieceForm; readonly bytes: Uint8Array } {
  if (compression !== "off" && piece.length > 0) {
    const bytes = compression === "zstd" ? zstdCompressSync(piece, ZSTD) : gzipSync(piece, GZIP);
    if (bytes.length < piece.length) return { form: compression, bytes };
  }
  return { form: "plain", bytes: piece };
}

/** The piece of exactly `length` bytes that `bytes` are; undefined if they are not, however large they would grow. */
export function decompressed(
  bytes: Uint8Array,
  form: PieceForm,
  length: number,
): Uint8Array | undefined {
  if (form === "plain") return bytes.length === length ? bytes : undefined;
  try {
    const bound = { maxOutputLength: length };
    const piece = form === "zstd" ? zstdDecompressSync(bytes, bound) : gunzipSync(bytes, bound);
    return piece.length === length ? piece : undefined;
  } catch {
    // Whatever is wrong with them: they are not what was written.
    return undefined;
  }
}
