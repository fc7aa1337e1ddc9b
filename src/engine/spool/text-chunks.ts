/**
 * A text in chunks: how it lies on the disk if it is compressed or encrypted.
 *
 *   0  form      plain, zstd or gzip
 *   1  length    of the piece of text, 3 bytes
 *   4  stored    bytes behind this header
 *   8  checksum  of the eight bytes above and of what is behind the header
 *  12  the piece, compressed if that made it shorter, then encrypted if the queue is
 *
 * The checksum needs no key: recovery finds what a crash tore whoever reads. A chunk that is
 * encrypted is given out only when its tag is right. Where the text ends is said by its stamp, in
 * the head of a record. A chunk is bounded in both forms, so that no file of
 * a few bytes becomes more in memory than this (CWE-409).
 */
import { checksum, checksumOf } from "./checksum.ts";
import { type Cipher, type PartNumber, TAG_BYTES } from "./cipher.ts";
import { type Compression, compressed, decompressed, type PieceForm } from "./compression.ts";

/** Longest piece of text in one chunk. */
export const PIECE_BYTES: number = 256 * 1024;
export const CHUNK_HEADER_BYTES = 12;
/** Longest chunk behind its header: a piece that did not get shorter, and its tag. */
const MAX_STORED_BYTES: number = PIECE_BYTES + TAG_BYTES;
const FORMS: readonly PieceForm[] = ["plain", "zstd", "gzip"];
const BOUND_BYTES = 16;

/** How texts are stored from now on. */
export interface TextStorage {
  readonly compression: Compression;
  readonly encrypts: boolean;
}

/** Whether new texts lie on the disk as they came. */
export function storesRaw({ compression, encrypts }: TextStorage): boolean {
  return compression === "off" && !encrypts;
}

/** What stands before a chunk. */
export interface ChunkHeader {
  readonly form: PieceForm;
  readonly pieceBytes: number;
  readonly storedBytes: number;
  readonly checksum: number;
}

/**
 * One chunk, ready to be written; if it is to be encrypted, `encryptChunk` comes before.
 *
 * @param piece of at most PIECE_BYTES; it is copied.
 */
export function makeChunk(piece: Uint8Array, storage: TextStorage): Uint8Array {
  const { form, bytes } = compressed(piece, storage.compression);
  const storedBytes = bytes.length + (storage.encrypts ? TAG_BYTES : 0);
  const chunk = new Uint8Array(CHUNK_HEADER_BYTES + storedBytes);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, piece.length);
  chunk[0] = FORMS.indexOf(form);
  view.setUint32(4, storedBytes);
  chunk.set(bytes, CHUNK_HEADER_BYTES);
  if (!storage.encrypts) sign(chunk);
  return chunk;
}

/** Where an encrypted chunk lies: its number, and where in its file the record or the text starts. */
export interface ChunkPlace extends PartNumber {
  readonly at: number;
}

/** Encrypts a chunk in place, for good: once, where it will lie. */
export function encryptChunk(chunk: Uint8Array, cipher: Cipher, place: ChunkPlace): void {
  cipher.encrypt(chunk.subarray(CHUNK_HEADER_BYTES), place, boundTo(chunk, place.at));
  sign(chunk);
}

/** The header of a chunk; undefined if nobody can have written it. */
export function readChunkHeader(bytes: Uint8Array): ChunkHeader | undefined {
  if (bytes.length < CHUNK_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, CHUNK_HEADER_BYTES);
  const word = view.getUint32(0);
  const form = FORMS[word >>> 24];
  const pieceBytes = word & 0xff_ffff;
  const storedBytes = view.getUint32(4);
  if (form === undefined || pieceBytes > PIECE_BYTES || storedBytes > MAX_STORED_BYTES) {
    return undefined;
  }
  return { form, pieceBytes, storedBytes, checksum: view.getUint32(8) };
}

/** Whether a whole chunk, header and all, is what was written. */
export function isChunkWhole(chunk: Uint8Array, header: ChunkHeader): boolean {
  return (
    chunk.length === CHUNK_HEADER_BYTES + header.storedBytes && sumOf(chunk) === header.checksum
  );
}

/** The piece of text in a whole chunk; undefined if it is not what was written there, or there is no key for it. */
export function readPiece(
  chunk: Uint8Array,
  header: ChunkHeader,
  encryption: { readonly cipher: Cipher; readonly place: ChunkPlace } | undefined,
): Uint8Array | undefined {
  let stored: Uint8Array | undefined = chunk.subarray(CHUNK_HEADER_BYTES);
  if (encryption !== undefined) {
    const { cipher, place } = encryption;
    stored = cipher.decrypt(stored, place, boundTo(chunk, place.at));
  }
  return stored && decompressed(stored, header.form, header.pieceBytes);
}

/** A whole text, in chunks. */
export function chunksOf(text: readonly Uint8Array[], storage: TextStorage): readonly Uint8Array[] {
  const whole = text.length === 1 && text[0] ? text[0] : Buffer.concat(text);
  const chunks: Uint8Array[] = [];
  for (let from = 0; from < whole.length; from += PIECE_BYTES) {
    chunks.push(makeChunk(whole.subarray(from, from + PIECE_BYTES), storage));
  }
  return chunks;
}

/** Place and header, as they are authenticated. */
function boundTo(chunk: Uint8Array, at: number): Uint8Array {
  const bound = new Uint8Array(BOUND_BYTES);
  new DataView(bound.buffer).setBigUint64(0, BigInt(at));
  bound.set(chunk.subarray(0, 8), 8);
  return bound;
}

function sign(chunk: Uint8Array): void {
  new DataView(chunk.buffer, chunk.byteOffset).setUint32(8, sumOf(chunk));
}

function sumOf(chunk: Uint8Array): number {
  return checksum(chunk.subarray(CHUNK_HEADER_BYTES), checksumOf([chunk.subarray(0, 8)]));
}
