/**
 * Texts read from the disk: from a segment or from a blob, in pieces, and never
 * trusted before the checksum said that the whole is what was accepted.
 *
 * The last piece is held back until then, so that a reader of a damaged text gets
 * an error while it can still break off: no damaged message is ever complete.
 */
import { FilesError, type OpenFile } from "#base/ports/files.ts";
import { checksum } from "./checksum.ts";
import type { TextStamp } from "./record-entries.ts";

const PIECE_BYTES: number = 256 * 1024;

/** The code of the error for a text that is not what was accepted. */
export const DAMAGED_TEXT = "EBADMSG";

/**
 * The text at `offset`, in pieces that the caller owns.
 *
 * @throws {FilesError} with code EBADMSG, before the last piece, if the text is damaged.
 */
export async function* readStoredText(
  file: OpenFile,
  offset: number,
  text: TextStamp,
): AsyncGenerator<Uint8Array> {
  let sum = 0;
  for (let done = 0; done < text.bytes; ) {
    const wanted = Math.min(PIECE_BYTES, text.bytes - done);
    const piece = await file.read(offset + done, wanted);
    sum = checksum(piece, sum);
    done += piece.length;
    const isLast = done === text.bytes;
    if (piece.length < wanted || (isLast && sum !== text.checksum)) {
      throw new FilesError(DAMAGED_TEXT, "Cannot read text: it does not match its checksum");
    }
    yield piece;
  }
}
