/**
 * What an agent, or who hands in a user's offline mail, writes to its outputs, as lines of the
 * log: under its name, printable, and a bounded number at once.
 *
 * Such a process is its user's: whoever may attach to a process of his own may write there what
 * he likes. So none of them has the log itself, where he could cut a file, read a terminal, or
 * speak as another process; and who writes without end waits.
 */
import type { Readable } from "node:stream";
import { printable } from "#engine/observe/visible-text.ts";

/** Lines, or reads without a line, after which there is a pause. */
const MAX_AT_ONCE = 50;
const PAUSE_MS = 1_000;
/** Of one line; the rest of it is left out. */
const MAX_LINE_LENGTH = 1_024;

/** As an observer of ours begins its lines. */
const LEVEL = /^(debug|info|warn): /u;

/** Tells the lines that come from `source`, without their ends, as what `speaker` says: `agent ann`. */
export function tellLines(source: Readable, speaker: string, tell: (line: string) => void): void {
  let rest = "";
  let told = 0;
  const tellOne = (text: string): void => {
    if (text.trim() === "") return;
    const level = LEVEL.exec(text)?.[1] ?? "warn";
    const words = printable(text.replace(LEVEL, ""), MAX_LINE_LENGTH);
    tell(`${level}: ${printable(speaker)}: ${words}`);
  };
  source.setEncoding("utf8");
  source.on("data", (text: string) => {
    const [first = "", ...others] = text.split("\n");
    const lines = [(rest + first).slice(0, MAX_LINE_LENGTH + 1), ...others];
    rest = (lines.pop() ?? "").slice(0, MAX_LINE_LENGTH + 1);
    // One read may have more lines than may be told at once: those are lost.
    const few = lines.slice(0, MAX_AT_ONCE);
    for (const line of few) tellOne(line);
    told += Math.max(1, few.length);
    if (told < MAX_AT_ONCE) return;
    source.pause();
    setTimeout(() => {
      told = 0;
      source.resume();
    }, PAUSE_MS).unref();
  });
  source.once("end", () => tellOne(rest));
}
