/**
 * The name of a person before an address: `Ann Smith`, `"Smith, Ann"` or, beyond ASCII,
 * encoded words. Nothing that is put in can end the header or begin another address.
 *
 * Source: RFC 5322 §3.2.5 (phrase), §3.2.4 (quoted-string); RFC 2047 §2, §5 (3).
 */

/** Of the name that is kept, in UTF-16 units; people's names are shorter. */
const MAX_NAME_LENGTH = 256;
/** RFC 2047 §2: an encoded word has 75 characters at most; octets of UTF-8 that fit. */
const MAX_WORD_BYTES = 45;

const ATOMS = /^[\w!#$%&'*+\-/=?^`{|}~]+(?: [\w!#$%&'*+\-/=?^`{|}~]+)*$/;
const ASCII = /^[ -~]*$/;

/** `name` as a phrase in ASCII; "" if nothing is left of it without controls and spaces. */
export function formatDisplayName(name: string): string {
  const oneLine = name.replaceAll(/[\p{C}\p{Z}]+/gu, " ").trim();
  // Half of a character would become something else.
  const line = oneLine
    .slice(0, MAX_NAME_LENGTH)
    .replace(/\p{Cs}$/u, "")
    .trim();
  if (!ASCII.test(line)) return encodedWords(line);
  // "=?" would be read as the start of an encoded word.
  if (line === "" || (ATOMS.test(line) && !line.includes("=?"))) return line;
  return `"${line.replaceAll(/["\\]/g, "\\$&")}"`;
}

function encodedWords(line: string): string {
  const words: string[] = [];
  let word = "";
  const finish = (): void => {
    words.push(`=?utf-8?B?${Buffer.from(word, "utf8").toString("base64")}?=`);
    word = "";
  };
  // A character stands in one word (RFC 2047 §5).
  for (const character of line) {
    if (Buffer.byteLength(word + character, "utf8") > MAX_WORD_BYTES) finish();
    word += character;
  }
  finish();
  return words.join("\r\n ");
}
