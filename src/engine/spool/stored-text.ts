/**
 * Texts read from the disk: from a segment or from a blob, in pieces, and never
 * trusted before the checksum said that the whole is what was accepted.
 *
 * The last piece is held back until then, so that a reader of a damaged text gets
 * an error while it can still break off: no damaged message is ever complete. Of an
 * encrypted text each piece is authenticated before it is given out.
 */
import { FilesError, type ReadableFile } from "#base/ports/files.ts";
import { BLOB_HEADER_BYTES, blobChunkPlace, blobFileName, readBlobHeader } from "./blob-header.ts";
import { checksum } from "./checksum.ts";
import type { Cipher } from "./cipher.ts";
import type { Keyring } from "./queue-keys.ts";
import { MAX_FRAME_BYTES, readFrame } from "./record.ts";
import type { TextStamp } from "./record-entries.ts";
import type { Segment } from "./segment.ts";
import {
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  isChunkWhole,
  PIECE_BYTES,
  readChunkHeader,
  readPiece,
} from "./text-chunks.ts";

/** The code of the error for a text that is not what was accepted. */
export const DAMAGED_TEXT = "EBADMSG";

/** What has to be known of a text to read it. */
export type StoredText = Pick<TextStamp, "bytes" | "checksum" | "form">;

/** Where a text lies in the file that is read. */
export type TextPlace =
  | {
      readonly kind: "segment";
      readonly segment: Pick<Segment, "mark" | "cipher">;
      /** Where its record starts, and where the text does. */
      readonly at: number;
      readonly textAt: number;
    }
  | { readonly kind: "blob"; readonly msgid: string; readonly keys: Keyring };

/**
 * The text, in pieces that the caller owns.
 *
 * @throws {FilesError} with code EBADMSG, before the last piece, if the text is damaged.
 */
export async function* readStoredText(
  file: ReadableFile,
  place: TextPlace,
  text: StoredText,
): AsyncGenerator<Uint8Array> {
  if (text.form === "lost") throw damaged();
  const pieces =
    text.form === "raw" ? rawPieces(file, place, text) : chunkPieces(file, place, text);
  let sum = 0;
  let done = 0;
  for await (const piece of pieces) {
    sum = checksum(piece, sum);
    done += piece.length;
    if (done > text.bytes || (done === text.bytes && sum !== text.checksum)) throw damaged();
    yield piece;
  }
  if (done < text.bytes) throw damaged();
}

async function* rawPieces(
  file: ReadableFile,
  place: TextPlace,
  text: StoredText,
): AsyncGenerator<Uint8Array> {
  const from = place.kind === "blob" ? 0 : place.textAt;
  for (let done = 0; done < text.bytes; ) {
    const wanted = Math.min(PIECE_BYTES, text.bytes - done);
    const piece = await file.read(from + done, wanted);
    done += piece.length;
    if (piece.length < wanted) throw damaged();
    yield piece;
  }
}

/** Where the first chunk is, and what decrypts it. */
interface ChunkStart {
  readonly from: number;
  readonly cipher: Cipher | undefined;
  /** Its record, which chunks are bound to; those of a blob have numbers of their own. */
  readonly record: { readonly at: number; readonly number: number } | undefined;
}

async function* chunkPieces(
  file: ReadableFile,
  place: TextPlace,
  text: StoredText,
): AsyncGenerator<Uint8Array> {
  const start = await startOf(file, place);
  // In the form that was accepted, or not at all: nobody can put a plain text in its place.
  if ((start.cipher !== undefined) !== (text.form === "encrypted")) throw damaged();
  let at = start.from;
  for (let index = 0, done = 0; done < text.bytes; index++) {
    const header = readChunkHeader(await file.read(at, CHUNK_HEADER_BYTES));
    if (header === undefined || header.pieceBytes === 0) throw damaged();
    const chunk = await file.read(at, CHUNK_HEADER_BYTES + header.storedBytes);
    const piece = pieceOf(chunk, header, start, { at, index });
    if (piece === undefined) throw damaged();
    done += piece.length;
    at += chunk.length;
    yield piece;
  }
}

async function startOf(file: ReadableFile, place: TextPlace): Promise<ChunkStart> {
  if (place.kind === "blob") {
    const encryption = readBlobHeader(await file.read(0, BLOB_HEADER_BYTES));
    if (encryption === "damaged") throw damaged();
    const from = BLOB_HEADER_BYTES;
    if (encryption === undefined) return { from, cipher: undefined, record: undefined };
    const cipher = place.keys.cipher(encryption, blobFileName(place.msgid));
    if (cipher === undefined) throw damaged(`its key ${encryption.keyId} is not here`);
    return { from, cipher, record: undefined };
  }
  const { segment, at, textAt } = place;
  const { cipher } = segment;
  if (cipher === undefined) return { from: textAt, cipher, record: undefined };
  const frame = readFrame(await file.read(at, MAX_FRAME_BYTES), segment.mark);
  if (frame === undefined) throw damaged();
  return { from: textAt, cipher, record: { at, number: frame.number } };
}

function pieceOf(
  chunk: Uint8Array,
  header: ChunkHeader,
  { cipher, record }: ChunkStart,
  { at, index }: { readonly at: number; readonly index: number },
): Uint8Array | undefined {
  if (!isChunkWhole(chunk, header)) return undefined;
  if (cipher === undefined) return readPiece(chunk, header, undefined);
  const place =
    record === undefined ? blobChunkPlace(index) : { ...record, offset: at - record.at };
  return readPiece(chunk, header, { cipher, place });
}

function damaged(why = "it does not match its checksum"): FilesError {
  return new FilesError(DAMAGED_TEXT, `Cannot read text: ${why}`);
}
