/**
 * Finds the Message-ID of a message at its beginning.
 *
 * Source: RFC 5322 §3.6.4; taken is what stands between angle brackets without a space in
 * it, printable ASCII and no longer than MAX_ID_LENGTH: nothing that could be more than an
 * id. A header may be folded before it (§2.2.3).
 */
import { CR, LF, SPACE, TAB } from "#base/ascii.ts";

const MAX_ID_LENGTH = 252;

/** Bytes of a header that are looked at. */
export const MAX_SEARCHED_BYTES: number = 64 * 1024;

const NAME = "message-id:";
const VALUE = /^[ \t]*(<[!-;=?-~]{1,250}>)[ \t]*$/;

/** With its brackets, or "" if there is none in the header that `text` begins with. */
export function findMessageId(text: Uint8Array): string {
  const bytes = Buffer.from(
    text.buffer,
    text.byteOffset,
    Math.min(text.length, MAX_SEARCHED_BYTES),
  );
  let at = 0;
  while (at < bytes.length && bytes[at] !== CR) {
    if (isNamed(bytes, at)) {
      const id = VALUE.exec(valueAt(bytes, at + NAME.length))?.[1];
      if (id !== undefined) return id;
    }
    const end = bytes.indexOf(LF, at);
    if (end < 0) return "";
    at = end + 1;
  }
  return "";
}

function isNamed(bytes: Buffer, at: number): boolean {
  for (let index = 0; index < NAME.length; index++) {
    const byte = bytes[at + index] ?? 0;
    // A letter's bit for lower case; `-` and `:` have it set.
    if ((byte | 0x20) !== NAME.charCodeAt(index)) return false;
  }
  return true;
}

/** From `at` to the end of the field, unfolded. */
function valueAt(bytes: Buffer, at: number): string {
  let value = "";
  for (let from = at; ; ) {
    const end = bytes.indexOf(LF, from);
    // Nothing longer could be an id; a field that is cut is none.
    if (end < 0 || value.length + end - from > 4 * MAX_ID_LENGTH) return "";
    value += bytes.toString("latin1", from, end > from && bytes[end - 1] === CR ? end - 1 : end);
    from = end + 1;
    if (bytes[from] !== SPACE && bytes[from] !== TAB) return value;
  }
}
