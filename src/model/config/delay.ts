/** Durations as smtpd.conf(5) writes them: a whole number and one unit, `4d`. */

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["d", 24 * 60 * 60 * 1000],
  ["h", 60 * 60 * 1000],
  ["m", 60 * 1000],
  ["s", 1000],
]);

/** Milliseconds; undefined if `text` is no duration of a second or more. */
export function parseDelay(text: string): number | undefined {
  const unitMs = UNITS_MS.get(text.slice(-1));
  if (unitMs === undefined || !/^[0-9]+[smhd]$/u.test(text)) return undefined;
  const delayMs = Number(text.slice(0, -1)) * unitMs;
  return delayMs >= 1000 && Number.isSafeInteger(delayMs) ? delayMs : undefined;
}

/** In the largest unit that needs no fraction. */
export function formatDelay(delayMs: number): string {
  for (const [unit, unitMs] of UNITS_MS)
    if (delayMs % unitMs === 0) return `${delayMs / unitMs}${unit}`;
  throw new RangeError(`Cannot format delay: ${delayMs} ms is not in whole seconds`);
}
