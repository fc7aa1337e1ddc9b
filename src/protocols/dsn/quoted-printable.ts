/**
 * Quoted-printable, for the headers that a report gives back when they are not
 * plain 7-bit lines.
 *
 * Source: RFC 2045 §6.7; RFC 6522 §4 (broken headers may be encoded so).
 */
import { CR, LF, NUL, SPACE, TAB } from "#base/ascii.ts";

/** RFC 2045 §6.7 rule 5: an encoded line has at most 76 characters. */
const MAX_ENCODED_LINE = 76;
/** RFC 5322 §2.1.1: a line has at most 998 characters. */
const MAX_PLAIN_LINE = 998;
const EQUALS = 0x3d;
const TILDE = 0x7e;
const HEX = "0123456789ABCDEF";

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
    if (!isText || length > MAX_PLAIN_LINE) return false;
  }
  return true;
}

/** `text` encoded; its CRLFs stay line ends. */
export function encodeQuotedPrintable(text: Uint8Array): string {
  let encoded = "";
  let lineLength = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? NUL;
    if (byte === CR && text[at + 1] === LF) {
      at++;
      encoded += "\r\n";
      lineLength = 0;
      continue;
    }
    const unit = encodeByte(byte, text[at + 1]);
    if (lineLength + unit.length >= MAX_ENCODED_LINE) {
      encoded += "=\r\n";
      lineLength = 0;
    }
    encoded += unit;
    lineLength += unit.length;
  }
  return encoded;
}

function encodeByte(byte: number, next: number | undefined): string {
  // RFC 2045 §6.7 rule 3: white space may not end a line.
  const isSafeSpace = (byte === SPACE || byte === TAB) && next !== undefined && next !== CR;
  const isText = byte > SPACE && byte <= TILDE && byte !== EQUALS;
  if (isText || isSafeSpace) return String.fromCharCode(byte);
  return `=${HEX.charAt(byte >> 4)}${HEX.charAt(byte & 0x0f)}`;
}
