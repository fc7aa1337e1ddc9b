/**
 * The lines before the body as headers: which they are, and whether they are headers at all.
 *
 * Text that begins with something like `Note: ` is no message with a header of that name:
 * there must be one header that programs write. Every field here is fit to be sent: one line of
 * an mbox is taken out, and what would end a line elsewhere becomes a space.
 *
 * Source: OpenSMTPD enqueue.c (parse_message); RFC 5322 §2.2.
 */
import { type InputHead, isMboxLine } from "./input-reader.ts";

export interface HeaderField {
  /** In lower case. */
  readonly name: string;
  /** With its name, without its last CRLF; folded lines are divided by CRLF. One character for each octet. */
  readonly text: string;
}

/** Who has one of these has written headers. OpenSMTPD's, and those of resent and automatic mail. */
const TELLING: ReadonlySet<string> = new Set([
  "from",
  "to",
  "cc",
  "bcc",
  "subject",
  "date",
  "message-id",
  "mime-version",
  "content-type",
  "content-disposition",
  "content-transfer-encoding",
  "user-agent",
  "sender",
  "reply-to",
  "in-reply-to",
  "references",
  "received",
  "return-path",
  "resent-from",
  "resent-to",
  "auto-submitted",
]);

/** RFC 5322 §2.1.1. */
const MAX_LINE_LENGTH = 998;

/** The headers; undefined: there are none, and the lines are the beginning of the body. */
export function readHeaderBlock({ lines }: InputHead): readonly HeaderField[] | undefined {
  const fields: { name: string; lines: string[] }[] = [];
  for (const line of lines) {
    if (isMboxLine(line)) continue;
    const last = fields.at(-1);
    if (last !== undefined && /^[ \t]/.test(line)) last.lines.push(clean(line));
    else fields.push({ name: nameOf(line), lines: [clean(line)] });
  }
  if (!fields.some(({ name }) => TELLING.has(name))) return undefined;
  return fields.map(({ name, lines: parts }) => ({ name, text: parts.join("\r\n") }));
}

/** Behind the colon, with its folds. */
export function valueOf({ text }: HeaderField): string {
  return text.slice(text.indexOf(":") + 1);
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(":")).trimEnd().toLowerCase();
}

function clean(line: string): string {
  // A CR alone ends a line for some; NUL ends the text for others.
  const oneLine = /[\r\0]/.test(line) ? line.replaceAll(/[\r\0]/g, " ") : line;
  return oneLine.length > MAX_LINE_LENGTH ? folded(oneLine) : oneLine;
}

/** Broken before a space, where there is one. */
function folded(line: string): string {
  const parts: string[] = [];
  let from = 0;
  while (line.length - from > MAX_LINE_LENGTH) {
    const space = line.lastIndexOf(" ", from + MAX_LINE_LENGTH);
    // A part with nothing before its space would look like the end of the headers.
    if (space <= from || line.slice(from, space).trim() === "") break;
    parts.push(line.slice(from, space));
    from = space;
  }
  parts.push(line.slice(from));
  return parts.join("\r\n");
}
