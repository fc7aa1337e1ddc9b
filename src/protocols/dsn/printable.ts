/**
 * Words of strangers, made fit for a report: printable ASCII on one line, so that
 * nothing in them can begin a header, a MIME part or a terminal command.
 *
 * Source: RFC 3464 §2.1 (fields are ASCII), RFC 6533 §3 (`\x{…}` in addresses).
 */

/** One line of printable ASCII: control characters and line ends become a space, the rest `?`. */
export function printable(words: string, maxLength: number): string {
  let line = "";
  for (const character of words) {
    if (line.length >= maxLength) return `${line.slice(0, maxLength - 3)}...`;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) line += " ";
    else line += code < 0x7f ? character : "?";
  }
  return line.trim();
}

/** Keeps a field with an address under the 998 characters of RFC 5322 §2.1.1. */
const MAX_ADDRESS_LENGTH = 900;

/** An address in printable ASCII without spaces: everything else as `\x{HEX}`; cut if it is absurdly long. */
export function printableAddress(address: string): string {
  let line = "";
  for (const character of address) {
    if (line.length >= MAX_ADDRESS_LENGTH) return `${line}...`;
    const code = character.codePointAt(0) ?? 0;
    if (code > 0x20 && code < 0x7f && character !== "\\") line += character;
    else line += `\\x{${code.toString(16).toUpperCase()}}`;
  }
  return line;
}

/** RFC 3464 §2.3.2 and RFC 6533 §3: the type and the address that a field names. */
export function typedAddress(address: string): string {
  const written = printableAddress(address);
  return `${written === address ? "rfc822" : "utf-8"}; ${written}`;
}
