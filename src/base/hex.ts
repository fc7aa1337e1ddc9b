/** Numbers of 32 bits as eight lower-case hex digits, and back: ids are made of them. */

export const HEX32_DIGITS = 8;

const CODE_0 = 0x30;
const CODE_A = 0x61;
/** By byte: four look-ups are a fifth of the time of `toString(16)`, which is slow from 2^31 on. */
const BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

export function hex32(value: number): string {
  return (
    twoDigits(value >>> 24) + twoDigits(value >>> 16) + twoDigits(value >>> 8) + twoDigits(value)
  );
}

function twoDigits(value: number): string {
  return BYTES[value & 0xff] ?? "";
}

/** The number that the eight digits from `from` on are; what it is of other text means nothing. */
export function hex32At(text: string, from = 0): number {
  let value = 0;
  for (let at = from; at < from + HEX32_DIGITS; at++) {
    const code = text.charCodeAt(at);
    value = (value << 4) | (code < CODE_A ? code - CODE_0 : code - CODE_A + 10);
  }
  return value >>> 0;
}
