/**
 * `queue compression`: one piece of a text, by itself.
 *
 * Both ways run at their fastest level: the queue is read once or twice, and what is left to
 * win is less than a tenth. They run in this thread: up to pieces of 64 KiB the way to the pool
 * of threads and back keeps it busy for longer than the work itself, and doubles the CPU time; a piece of
 * 256 KiB, the largest, takes less than a millisecond. The pool is also where the disk is
 * synced (bench/RESULTS.md, "Spool").
 */
import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";

export type Compression = "off" | "zstd" | "gzip";

/** How a piece is stored. */
export type PieceForm = "plain" | "zstd" | "gzip";

const ZSTD_LEVEL = { [constants.ZSTD_c_compressionLevel]: 1 };
/** Least that zlib takes for what it writes at once. */
const MIN_CHUNK_BYTES = 64;

/** `piece` compressed, or as it is where that is not shorter. */
export function compressed(
  piece: Uint8Array,
  compression: Compression,
): { readonly form: PieceForm; readonly bytes: Uint8Array } {
  if (compression !== "off" && piece.length > 0) {
    const chunkSize = Math.max(piece.length, MIN_CHUNK_BYTES);
    const bytes =
      compression === "zstd"
        ? zstdCompressSync(piece, { params: ZSTD_LEVEL, pledgedSrcSize: piece.length, chunkSize })
        : gzipSync(piece, { level: constants.Z_BEST_SPEED });
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
    // All of it at once, with a byte left: else zlib makes pieces, and puts them together.
    const bound = { maxOutputLength: length, chunkSize: length + MIN_CHUNK_BYTES };
    const piece = form === "zstd" ? zstdDecompressSync(bytes, bound) : gunzipSync(bytes, bound);
    return piece.length === length ? piece : undefined;
  } catch {
    // Whatever is wrong with them: they are not what was written.
    return undefined;
  }
}
