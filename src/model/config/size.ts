/** Sizes as smtpd.conf(5) writes them: bytes, or a number with a unit of 1024, `35M`. */

const UNITS = "BKMGTPE";

/** Bytes; undefined if `text` is not a size. A fraction of a byte is dropped. */
export function parseSize(text: string): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?)([BKMGTPE]?)$/iu.exec(text);
  if (match === null) return undefined;
  const [, amount = "", unit = ""] = match;
  const power = unit === "" ? 0 : UNITS.indexOf(unit.toUpperCase());
  const bytes = Math.floor(Number(amount) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** In the largest unit that needs no fraction. */
export function formatSize(bytes: number): string {
  let amount = bytes;
  let power = 0;
  while (amount > 0 && amount % 1024 === 0 && power < UNITS.length - 1) {
    amount /= 1024;
    power++;
  }
  return power === 0 ? String(amount) : `${amount}${UNITS[power]}`;
}
