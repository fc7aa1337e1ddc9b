/**
 * xtext: printable ASCII in which `+XX` stands for an octet.
 *
 * Source: RFC 3461 §4; RFC 6533 §3 (addresses beyond ASCII).
 */

const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;
/** RFC 6533 §3: `utf-8-addr-xtext` and `utf-8-addr-unitext`. */
const UTF8_ADDRESS = /^(?:[!-*,-<>-[\]-~\u00a0-\u{10ffff}]|\\x\{[0-9A-F]{2,6}\})*$/u;

export function isXtext(text: string): boolean {
  return XTEXT.test(text);
}

export function isUtf8AddressText(text: string): boolean {
  return UTF8_ADDRESS.test(text);
}

/** What `text` stands for, one character for each octet; undefined if it is no xtext. */
export function decodeXtext(text: string): string | undefined {
  if (!isXtext(text)) return undefined;
  return text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
