/**
 * Finds where a line may end: at the next CR or LF. Four octets are looked at together,
 * which is what makes a text of many lines cheap: a native search for each end of a line
 * costs more than the line is worth.
 */
import { CR, LF } from "#base/ascii.ts";

const WORD_BYTES = 4;
/** Subtracted from four octets: those below 0x10 borrow, and so set their highest bit. */
const LEAST_TEXT = 0x10101010;
const HIGHEST_BITS = 0x80808080;

/** Offset of the next CR or LF at or after `from`; the length of `bytes` if there is none. */
export function nextLineEnd(bytes: DataView, from: number): number {
  const end = bytes.byteLength;
  const lastWord = end - WORD_BYTES;
  let at = from;
  while (at < end) {
    while (at <= lastWord && !hasControl(bytes.getInt32(at))) at += WORD_BYTES;
    const stop = Math.min(at + WORD_BYTES, end);
    for (; at < stop; at++) {
      const octet = bytes.getUint8(at);
      if (octet === CR || octet === LF) return at;
    }
  }
  return end;
}

/** Whether one of four octets is below 0x10, as CR and LF are; in rare cases true of a neighbour of one. */
function hasControl(word: number): boolean {
  return ((word - LEAST_TEXT) & ~word & HIGHEST_BITS) !== 0;
}
