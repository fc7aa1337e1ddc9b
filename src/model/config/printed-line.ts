/**
 * A line of a printed configuration: its words, and where each came from.
 *
 * With places a line ends in a comment: `# smtpd.conf:12`, or `# default` for one that
 * no line says. Options of the line that are not written there follow: those that have
 * their default, and those from another line.
 */
import type { Place } from "./place.ts";

/** Words that came from one place; undefined: nothing says so, it is the default. */
export interface Printed {
  readonly text: string;
  readonly at: Place | undefined;
}

export interface PrintedLine extends Printed {
  /** What a setting is about, its words before the value; undefined for what has a name. */
  readonly subject?: string;
  /** In the order in which they follow the text. */
  readonly options: readonly Printed[];
}

export function line(
  text: string,
  at: Place | undefined,
  options: readonly Printed[] = [],
): PrintedLine {
  return { text, at, options };
}

/** The option if it is wanted. */
export function optional(
  isWanted: boolean,
  text: string,
  at: Place | undefined,
): readonly Printed[] {
  return isWanted ? [{ text, at }] : [];
}

/** As smtpd.conf(5) takes it; no final newline. */
export function formatLine({ text, options }: PrintedLine): string {
  return [text, ...options.map((option) => option.text)].join(" ");
}

/** The same with the comment. */
export function formatLineWithPlaces(printed: PrintedLine): string {
  const { at, options } = printed;
  const notes = [formatOrigin(at)];
  const defaults = options.filter((option) => option.at === undefined).map(({ text }) => text);
  if (at !== undefined && defaults.length > 0) notes.push(`default: ${defaults.join(", ")}`);
  const elsewhere = new Map<string, string[]>();
  for (const option of options)
    if (option.at !== undefined && !isSameLine(option.at, at)) {
      const origin = formatOrigin(option.at);
      elsewhere.set(origin, [...(elsewhere.get(origin) ?? []), option.text]);
    }
  for (const [origin, texts] of elsewhere) notes.push(`${origin}: ${texts.join(", ")}`);
  return `${formatLine(printed)}  # ${commentText(notes.join("; "))}`;
}

function formatOrigin(at: Place | undefined): string {
  if (at === undefined) return "default";
  return at.line === 0 ? "default" : `${at.file}:${at.line}`;
}

function isSameLine(one: Place, other: Place | undefined): boolean {
  return one.file === other?.file && one.line === other.line;
}

/** A comment goes on after a backslash at the end of its line, and ends nowhere else. */
function commentText(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?").replace(/\\+$/u, "");
}
