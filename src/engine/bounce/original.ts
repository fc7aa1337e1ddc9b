/**
 * Reads a stored message for the report that gives it back, or its header.
 *
 * Source: RFC 3461 §4.3 (RET), §6.2: what is too large comes back as its header.
 */
import { CR, LF } from "#base/ascii.ts";
import { FilesError } from "#base/ports/files.ts";
import { findMessageId } from "#protocols/mail/message-id.ts";
import type { Returned } from "#protocols/dsn/returned.ts";
import { TransferScan } from "#protocols/dsn/transfer-class.ts";
import type { MessageText } from "#model/delivery.ts";
import type { Message } from "#model/envelope.ts";

/** Header bytes that a report gives back; the rest of a longer header is left out. */
export const MAX_RETURNED_HEADER_BYTES: number = 32 * 1024;
/** Largest message that is given back whole. */
export const MAX_RETURNED_MESSAGE_BYTES: number = 1024 * 1024;

export interface Original {
  readonly returned: Returned;
  /** Message-ID with its brackets, or "". */
  readonly messageId: string;
}

/** Looks at a message once, from its start; at all of it only if the whole is wanted and not too large. */
export async function readOriginal(
  { terms }: Pick<Message, "terms">,
  text: MessageText,
  wanted: "header" | "whole",
): Promise<Original> {
  const isWholeRead = wanted === "whole" && text.bytes <= MAX_RETURNED_MESSAGE_BYTES;
  const scan = new TransferScan();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of text.chunks()) {
      if (isWholeRead) scan.push(chunk);
      if (bytes < MAX_RETURNED_HEADER_BYTES) chunks.push(chunk);
      else if (!isWholeRead) break;
      bytes += chunk.length;
    }
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    return { returned: headerOnly(new Uint8Array(0), false, "unreadable"), messageId: "" };
  }
  const header = headerOf(Buffer.concat(chunks));
  const utf8 = terms?.utf8 === true;
  const messageId = findMessageId(header);
  if (wanted === "header") return { returned: headerOnly(header, utf8, ""), messageId };
  if (!isWholeRead) return { returned: headerOnly(header, utf8, "too-large"), messageId };
  const { transferClass } = scan;
  if (transferClass === "binary") {
    return { returned: headerOnly(header, utf8, "not-text"), messageId };
  }
  return { returned: { kind: "message", is8bit: transferClass === "8bit", utf8 }, messageId };
}

function headerOnly(
  header: Uint8Array,
  utf8: boolean,
  instead: (Returned & { readonly kind: "header" })["instead"],
): Returned {
  return { kind: "header", header, utf8, instead };
}

/** The header with the CRLF that ends its last line. */
function headerOf(text: Buffer): Uint8Array {
  if (text[0] === CR && text[1] === LF) return new Uint8Array(0);
  const empty = text.indexOf("\r\n\r\n");
  if (empty >= 0 && empty + 2 <= MAX_RETURNED_HEADER_BYTES) return text.subarray(0, empty + 2);
  const whole = text.subarray(0, MAX_RETURNED_HEADER_BYTES);
  // Cut at a line's end; a first line that is longer than all of it is left out.
  const lastLine = whole.lastIndexOf("\r\n");
  return whole.subarray(0, lastLine < 0 ? 0 : lastLine + 2);
}
