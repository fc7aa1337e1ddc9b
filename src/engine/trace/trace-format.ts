/**
 * How a trace file is laid out: a header, and blocks of entries. Numbers are big-endian.
 *
 *     0  magic "PRTRACE1"    8  checksum of what follows in the header    12  flags: 1 encrypted
 *    16  mark: 8 random bytes    24  time of its first entry    32  of its last (0: being written)
 *    40  id of its key    48  32 random bytes
 *
 * Then blocks, one after the other:
 *
 *     0  mark of the file    8  checksum of the rest of the block    12  bytes stored
 *    16  bytes of entries    20  number, counted up    24  form: 0 plain, 1 zstd    25  kind
 *    28  what is stored: compressed if that is shorter, then encrypted
 *
 * A closed file ends with a block that is an index (trace-index.ts) and 16 bytes that say where
 * it is. Damage costs its block: the next one is found by its mark.
 *
 * Bytes are judged here, none of them is trusted; nothing is read or written.
 */
import { crc32 } from "node:zlib";
import { type Cipher, TAG_BYTES } from "#engine/spool/cipher.ts";
import { compressed, decompressed } from "#engine/spool/compression.ts";
import { KEY_ID_DIGITS, type KeyUse, SALT_BYTES } from "#engine/spool/queue-keys.ts";

const MAGIC = "PRTRACE1";
export const FILE_HEADER_BYTES = 80;
const BLOCK_HEADER_BYTES = 28;
export const MARK_BYTES = 8;
const INDEX_MAGIC = "PRTRIDX1";
export const TRAILER_BYTES = 16;
/** Most that a block holds. */
const MAX_BLOCK_BYTES: number = 16 * 1024 * 1024;
const BLOCK_KINDS = ["entries", "index"] as const;

export interface TraceFileHeader {
  readonly mark: Uint8Array;
  /** 0 in a file that is being written. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** Undefined: it is not encrypted. */
  readonly use: KeyUse | undefined;
}

export function encodeFileHeader({ mark, firstAtMs, lastAtMs, use }: TraceFileHeader): Uint8Array {
  const bytes = Buffer.alloc(FILE_HEADER_BYTES);
  bytes.write(MAGIC, 0, "latin1");
  bytes[12] = use === undefined ? 0 : 1;
  bytes.set(mark, 16);
  bytes.writeBigUInt64BE(BigInt(firstAtMs), 24);
  bytes.writeBigUInt64BE(BigInt(lastAtMs), 32);
  if (use !== undefined) {
    bytes.write(use.keyId, 40, "hex");
    bytes.set(use.salt, 48);
  }
  bytes.writeUInt32BE(crc32(bytes.subarray(12)), 8);
  return bytes;
}

/** Undefined: it is not the beginning of a trace file of this version. */
export function decodeFileHeader(given: Uint8Array): TraceFileHeader | undefined {
  if (given.length < FILE_HEADER_BYTES) return undefined;
  const bytes = Buffer.from(given.subarray(0, FILE_HEADER_BYTES));
  if (bytes.toString("latin1", 0, 8) !== MAGIC) return undefined;
  if (bytes.readUInt32BE(8) !== crc32(bytes.subarray(12))) return undefined;
  const use = {
    keyId: bytes.toString("hex", 40, 40 + KEY_ID_DIGITS / 2),
    salt: bytes.subarray(48, 48 + SALT_BYTES),
  };
  return {
    mark: bytes.subarray(16, 24),
    firstAtMs: Number(bytes.readBigUInt64BE(24)),
    lastAtMs: Number(bytes.readBigUInt64BE(32)),
    use: bytes[12] === 0 ? undefined : use,
  };
}

/** What blocks of one file have in common. */
export interface BlockFile {
  readonly mark: Uint8Array;
  /** Undefined: it is not encrypted. */
  readonly cipher: Cipher | undefined;
}

export interface BlockContent {
  readonly kind: (typeof BLOCK_KINDS)[number];
  readonly bytes: Uint8Array;
}

/** @param number no two blocks of a file have the same, whether they were written whole or not. */
export function encodeBlock(
  { mark, cipher }: BlockFile,
  { kind, bytes }: BlockContent,
  number: number,
  compression: "off" | "zstd",
): Uint8Array {
  const piece = compressed(bytes, compression);
  const storedBytes = piece.bytes.length + (cipher === undefined ? 0 : TAG_BYTES);
  const block = Buffer.alloc(BLOCK_HEADER_BYTES + storedBytes);
  block.set(mark, 0);
  block.writeUInt32BE(storedBytes, 12);
  block.writeUInt32BE(bytes.length, 16);
  block.writeUInt32BE(number, 20);
  block[24] = piece.form === "plain" ? 0 : 1;
  block[25] = BLOCK_KINDS.indexOf(kind);
  block.set(piece.bytes, BLOCK_HEADER_BYTES);
  const bound = Buffer.from(block.subarray(12, BLOCK_HEADER_BYTES));
  cipher?.encrypt(block.subarray(BLOCK_HEADER_BYTES), { number, offset: 0 }, bound);
  block.writeUInt32BE(crc32(block.subarray(12)), 8);
  return block;
}

/** How long the block at the start of `bytes` says that it is; undefined: no block begins there. */
function blockLength(bytes: Buffer, mark: Uint8Array): number | undefined {
  if (bytes.length < BLOCK_HEADER_BYTES || bytes.compare(mark, 0, MARK_BYTES, 0, MARK_BYTES) !== 0)
    return undefined;
  const stored = bytes.readUInt32BE(12);
  return stored > MAX_BLOCK_BYTES ? undefined : BLOCK_HEADER_BYTES + stored;
}

/** The block that `block` is, whole; undefined if a bit of it is another, or its key is. */
export function decodeBlock({ mark, cipher }: BlockFile, block: Buffer): BlockContent | undefined {
  if (blockLength(block, mark) !== block.length) return undefined;
  if (block.readUInt32BE(8) !== crc32(block.subarray(12))) return undefined;
  const kind = BLOCK_KINDS[block.readUInt8(25)];
  const plainBytes = block.readUInt32BE(16);
  const form = block.readUInt8(24);
  if (kind === undefined || plainBytes > MAX_BLOCK_BYTES || form > 1) return undefined;
  const stored = block.subarray(BLOCK_HEADER_BYTES);
  const bound = Buffer.from(block.subarray(12, BLOCK_HEADER_BYTES));
  const opened =
    cipher === undefined
      ? stored
      : cipher.decrypt(stored, { number: block.readUInt32BE(20), offset: 0 }, bound);
  if (opened === undefined) return undefined;
  const bytes = decompressed(opened, form === 0 ? "plain" : "zstd", plainBytes);
  return bytes === undefined ? undefined : { kind, bytes };
}

export interface FoundBlock {
  readonly content: BlockContent;
  readonly offset: number;
}

/** The blocks of a whole file, without those that are damaged; `damaged` is called for each stretch of what is none. */
export function* blocksOf(
  file: BlockFile,
  given: Uint8Array,
  damaged: (offset: number, bytes: number) => void,
): Generator<FoundBlock> {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
  let at = FILE_HEADER_BYTES;
  while (at < bytes.length) {
    const length = blockLength(bytes.subarray(at), file.mark);
    const whole = length !== undefined && at + length <= bytes.length;
    const content = whole ? decodeBlock(file, bytes.subarray(at, at + length)) : undefined;
    if (content !== undefined) yield { content, offset: at };
    if (content !== undefined && length !== undefined) {
      at += length;
      continue;
    }
    const next = bytes.indexOf(file.mark, at + 1);
    const end = next < 0 ? bytes.length : next;
    if (!isTrailer(bytes.subarray(at, end))) damaged(at, end - at);
    at = end;
  }
}

export function encodeTrailer(indexAt: number): Uint8Array {
  const bytes = Buffer.alloc(TRAILER_BYTES);
  bytes.write(INDEX_MAGIC, 0, "latin1");
  bytes.writeUInt32BE(indexAt, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 12)), 12);
  return bytes;
}

/** Where the index is; undefined if this is no trailer. */
export function decodeTrailer(given: Uint8Array): number | undefined {
  const bytes = Buffer.from(given);
  return isTrailer(bytes) ? bytes.readUInt32BE(8) : undefined;
}

function isTrailer(bytes: Buffer): boolean {
  return (
    bytes.length === TRAILER_BYTES &&
    bytes.toString("latin1", 0, 8) === INDEX_MAGIC &&
    bytes.readUInt32BE(12) === crc32(bytes.subarray(0, 12))
  );
}
