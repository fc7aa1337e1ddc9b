/**
 * Words of strangers, made fit for a report: printable characters on one line, so that
 * nothing in them can begin a header, a MIME part or a terminal command, or turn round
 * the order of what is read.
 *
 * Source: RFC 3464 §2.1 (fields are ASCII), RFC 6533 §3 (addresses beyond ASCII).
 */
import { encodeUtf8Address } from "#protocols/smtp/xtext.ts";

/** Whether the way back takes UTF-8 outside of encoded parts (RFC 6531, RFC 6533). */
export type Form = "ascii" | "utf8";

/**
 * Controls, formats (marks of direction, zero-width characters), surrogates, private and unassigned
 * characters, separators of lines and odd spaces.
 */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** Stands where the rest was cut off. */
const CUT = "...";
/** Keeps a field with an address under the 998 octets of RFC 5322 §2.1.1. */
const MAX_ADDRESS_BYTES = 900;
/** Lines of at most this many characters where there are spaces to break at. Source: RFC 5322 §2.1.1. */
const LINE_LENGTH = 76;

/** One line: hidden characters become a space; in "ascii" what is beyond it becomes `?`. */
export function printable(words: string, maxBytes: number, form: Form): string {
  let line = "";
  let bytes = 0;
  for (const character of words) {
    const code = character.codePointAt(0) ?? 0;
    bytes += utf8Bytes(code);
    if (bytes > maxBytes - CUT.length) return `${line}${CUT}`.trim();
    if (code >= 0x20 && code < 0x7f) line += character;
    else if (HIDDEN.test(character)) line += " ";
    else line += form === "ascii" ? "?" : character;
  }
  return line.trim();
}

function utf8Bytes(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

/** An address for people and for a header: what is hidden in it, and in "ascii" what is beyond it, as `\x{HEX}`. */
export function printableAddress(address: string, form: Form): string {
  let line = "";
  let bytes = 0;
  for (const character of address) {
    const code = character.codePointAt(0) ?? 0;
    const isPlain = code < 0x7f ? code >= 0x20 : form === "utf8" && !HIDDEN.test(character);
    const written = isPlain ? character : encodeUtf8Address(character);
    bytes += isPlain ? utf8Bytes(code) : written.length;
    if (bytes > MAX_ADDRESS_BYTES) return `${line}${CUT}`;
    line += written;
  }
  return line;
}

/** RFC 3464 §2.3.2 and RFC 6533 §3: the type and the address that a field names. */
export function typedAddress(address: string, form: Form): string {
  const isAscii = /^[ -~]*$/.test(address);
  return isAscii ? `rfc822; ${printableAddress(address, form)}` : utf8Address(address, form);
}

/** The same of type utf-8, whatever is in the address. */
export function utf8Address(address: string, form: Form): string {
  let text = "";
  for (const character of address) {
    const isPlain = form === "utf8" && character > "\u007f" && !HIDDEN.test(character);
    text += isPlain ? character : encodeUtf8Address(character);
  }
  return `utf-8; ${printable(text, MAX_ADDRESS_BYTES, form)}`;
}

/** `words` in short lines; a word that is longer than a line keeps one for itself. */
export function wrapped(words: string, indent: string): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words.split(/ +/)) {
    if (line !== "" && indent.length + line.length + 1 + word.length > LINE_LENGTH) {
      lines.push(indent + line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  if (line !== "") lines.push(indent + line);
  return lines;
}

/** A field, folded at spaces (RFC 5322 §2.2.3). */
export function folded(name: string, body: string): string {
  return wrapped(`${name}: ${body}`, "").join("\r\n ");
}
