/**
 * What a report may give back as it is, without an encoding.
 *
 * Source: RFC 5322 §2.1.1.
 */
import { CR, LF, NUL, SPACE, TAB } from "#base/ascii.ts";

const MAX_LINE = 998;
const TILDE = 0x7e;

/** Whether `text` may stand in a 7-bit part as it is: ASCII, CRLF line ends, short lines. */
export function isPlain(text: Uint8Array): boolean {
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? NUL;
    if (byte === CR && text[at + 1] === LF) {
      at++;
      length = 0;
      continue;
    }
    length++;
    const isText = (byte >= SPACE && byte <= TILDE) || byte === TAB;
    if (!isText || length > MAX_LINE) return false;
  }
  return true;
}
