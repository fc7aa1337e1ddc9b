/**
 * Reads the header of a stored message, for the report that gives it back.
 */
import { CR, LF } from "#base/ascii.ts";
import { FilesError } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";

/** Header bytes that a bounce gives back; the rest of a longer header is left out. */
export const MAX_RETURNED_BYTES: number = 32 * 1024;

/** The header with the CRLF that ends its last line; empty if the text cannot be read now. */
export async function readHeaderBlock(text: MessageText): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of text.chunks()) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_RETURNED_BYTES) break;
    }
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    return new Uint8Array(0);
  }
  return headerOf(Buffer.concat(chunks));
}

function headerOf(text: Buffer): Uint8Array {
  if (text[0] === CR && text[1] === LF) return new Uint8Array(0);
  const empty = text.indexOf("\r\n\r\n");
  if (empty >= 0 && empty + 2 <= MAX_RETURNED_BYTES) return text.subarray(0, empty + 2);
  const whole = text.subarray(0, MAX_RETURNED_BYTES);
  // Cut at a line's end; a first line that is longer than all of it is left out.
  const lastLine = whole.lastIndexOf("\r\n");
  return whole.subarray(0, lastLine < 0 ? 0 : lastLine + 2);
}
