/** Durations as OpenSMTPD's logs and tools print them: `1d2h3m4s`, without parts that are zero. */

const UNITS: readonly (readonly [letter: string, seconds: number])[] = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
];

/** Whole seconds of `durationMs`; a negative duration (the clock was set back) is `0s`. */
export function formatDuration(durationMs: number): string {
  let seconds = Math.max(0, Math.floor(durationMs / 1000));
  let text = "";
  for (const [letter, unitSeconds] of UNITS) {
    const count = Math.floor(seconds / unitSeconds);
    seconds -= count * unitSeconds;
    if (count > 0) text += `${count}${letter}`;
  }
  return text === "" ? "0s" : text;
}
