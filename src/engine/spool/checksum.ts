/**
 * The checksum of the journal: CRC-32 (ISO 3309), by zlib, which is native and
 * pure. Why not CRC-32C: docs/decisions/0001-journal-checksum.md.
 */
import { crc32 } from "node:zlib";

/** The checksum of `bytes`, continued from the checksum of what came before them. */
export function checksum(bytes: Uint8Array, before = 0): number {
  return crc32(bytes, before);
}

/** The checksum of `chunks`, one after the other. */
export function checksumOf(chunks: readonly Uint8Array[]): number {
  let sum = 0;
  for (const chunk of chunks) sum = crc32(chunk, sum);
  return sum;
}
