/**
 * Whether a text keeps to ASCII, for servers that do not say 8BITMIME: what does may be sent
 * to them whatever was declared, and what does not goes back to its sender, as RFC 6152 §3
 * asks of who does not convert. (OpenSMTPD sends it as it is.)
 */
import { isAscii as isAsciiChunk } from "node:buffer";
import { FilesError } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";

/** True also of a text that cannot be read: sending it will tell. Never rejects for that. */
export async function isAscii(text: MessageText): Promise<boolean> {
  try {
    for await (const chunk of text.chunks()) if (!isAsciiChunk(chunk)) return false;
    return true;
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    return true;
  }
}
