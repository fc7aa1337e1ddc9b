/**
 * xtext: printable ASCII in which `+XX` stands for an octet, and its like for
 * addresses beyond ASCII, in which `\x{HEX}` stands for a character.
 *
 * Source: RFC 3461 §4; RFC 6533 §3.
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

/** Printable ASCII as xtext. */
export function encodeXtext(text: string): string {
  return text.replaceAll(/[^!-*,-<>-~]/g, (character) => {
    const hex = character.charCodeAt(0).toString(16).toUpperCase();
    return `+${hex.padStart(2, "0")}`;
  });
}

/** An address in `utf-8-addr-xtext`, which is ASCII. */
export function encodeUtf8Address(address: string): string {
  let text = "";
  for (const character of address) {
    const code = character.codePointAt(0) ?? 0;
    const isPlain = code > 0x20 && code < 0x7f && !"+=\\".includes(character);
    text += isPlain ? character : `\\x{${code.toString(16).toUpperCase().padStart(2, "0")}}`;
  }
  return text;
}

/** `utf-8-addr-unitext` or `-xtext` in ASCII alone. */
export function utf8AddressInAscii(text: string): string {
  return text.replaceAll(/[^!-~]/gu, (character) => encodeUtf8Address(character));
}

/** The address that `utf-8-addr-xtext` or `-unitext` stands for; undefined if it is neither. */
export function decodeUtf8Address(text: string): string | undefined {
  if (!isUtf8AddressText(text)) return undefined;
  let isValid = true;
  const address = text.replaceAll(/\\x\{([0-9A-F]{2,6})\}/g, (_, hex: string) => {
    const code = Number.parseInt(hex, 16);
    isValid &&= code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
    return isValid ? String.fromCodePoint(code) : "";
  });
  return isValid ? address : undefined;
}
