/**
 * Texts within SASL messages: names and passwords, as clients write them and as they
 * are compared.
 *
 * NUL, CR and LF are in none of them (OpenSMTPD refuses CR and LF: lines of a protocol
 * are made with such texts).
 *
 * Source: RFC 4616 §2; RFC 4013 (SASLprep), whose tables of Unicode 3.2 are here those
 * of the running Node.js, and without its rules for text from right to left.
 */
import { isUtf8 } from "node:buffer";

/** OpenSMTPD's; of UTF-8. */
export const MAX_USER_BYTES = 255;
/** CRYPT_MAX_PASSPHRASE_SIZE of crypt(3), PAM_MAX_RESP_SIZE of pam(3): more would be cut there. */
export const MAX_PASSWORD_BYTES = 511;

/** A name that may be looked up; undefined if `bytes` is none. */
export function userText(bytes: Uint8Array): string | undefined {
  return saslText(bytes, MAX_USER_BYTES);
}

/** The octets of a password as text; undefined if they cannot be one. */
export function passwordText(bytes: Uint8Array): string | undefined {
  return saslText(bytes, MAX_PASSWORD_BYTES);
}

function saslText(bytes: Uint8Array, maxBytes: number): string | undefined {
  if (bytes.length === 0 || bytes.length > maxBytes || !isUtf8(bytes)) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  return /[\0\r\n]/u.test(text) ? undefined : text;
}

/** `text` in the form in which it is compared and hashed; undefined if it may not be used. */
export function prepared(text: string): string | undefined {
  if (/^[ -~]*$/u.test(text)) return text;
  const mapped = text
    .replaceAll(/\p{Zs}/gu, " ")
    .replaceAll(/\p{Default_Ignorable_Code_Point}/gu, "")
    .normalize("NFKC");
  return mapped === "" || /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\ufffd]/u.test(mapped)
    ? undefined
    : mapped;
}

/**
 * A name as SCRAM and GS2 headers have it: `,` and `=` are written =2C and =3D, and no other
 * `=` is there (RFC 5802 §5.1, RFC 5801 §4).
 */
export function saslName(written: string): string | undefined {
  if (/=(?!2C|3D)/u.test(written)) return undefined;
  const name = prepared(written.replaceAll("=2C", ",").replaceAll("=3D", "="));
  return name === undefined ? undefined : userText(Buffer.from(name, "utf8"));
}

/** A message that is text; undefined if NUL, CR or LF is in it, or it is none. */
export function textOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString("utf8");
  return /[\0\r\n\ufffd]/u.test(text) ? undefined : text;
}
