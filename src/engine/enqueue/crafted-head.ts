/**
 * The headers that a message leaves with: those of its author but for the ones that are not for
 * others to see, and what is missing.
 *
 * Message-ID is left to the daemon, which completes the mail of its own clients.
 *
 * Source: OpenSMTPD enqueue.c; RFC 5322 §3.6 (From and Date must be there), §3.6.3 (Bcc);
 * RFC 5321 §4.4 (Return-Path is for who delivers); RFC 2045 §6 (encodings), RFC 1428 §3.
 */
import { type HeaderField, valueOf } from "./header-block.ts";
import type { BodyFacts } from "./input-reader.ts";

/** From this many octets a line is not sent as it is. OpenSMTPD's (998 may be, RFC 5321 §4.5.3.1.6). */
const LONG_LINE = 990;

const LEFT_OUT: ReadonlySet<string> = new Set(["bcc", "resent-bcc", "return-path"]);

export interface Additions {
  /** The header, without its end. */
  readonly from: string;
  readonly date: string;
}

export interface CraftedHead {
  /** Each line with its CRLF; one character for each octet. */
  readonly text: string;
  /** How the body goes behind it. */
  readonly encoding: "as-is" | "quoted-printable";
}

export function craftHead(
  fields: readonly HeaderField[],
  additions: Additions,
  body: BodyFacts,
): CraftedHead {
  const names = new Set(fields.map(({ name }) => name));
  const lines = fields.filter(({ name }) => !LEFT_OUT.has(name)).map(({ text }) => text);
  if (!names.has("from")) lines.push(additions.from);
  if (!names.has("date")) lines.push(`Date: ${additions.date}`);
  const isEncoded = mustEncode(fields, body);
  if (isEncoded) lines.push(...encodingLines(names, body));
  return {
    text: lines.map((line) => `${line}\r\n`).join(""),
    encoding: isEncoded ? "quoted-printable" : "as-is",
  };
}

/** An author who has chosen an encoding, or whose text has parts of its own, is let be. */
function mustEncode(fields: readonly HeaderField[], body: BodyFacts): boolean {
  if (body.longestLine < LONG_LINE && !body.hasOddBytes) return false;
  if (fields.some(({ name }) => name === "content-transfer-encoding")) return false;
  const type = fields.find(({ name }) => name === "content-type");
  return type === undefined || !/^\s*(?:multipart|message)\//i.test(valueOf(type));
}

function encodingLines(names: ReadonlySet<string>, { is8bit }: BodyFacts): readonly string[] {
  const lines: string[] = [];
  if (!names.has("mime-version")) lines.push("MIME-Version: 1.0");
  if (!names.has("content-type")) {
    lines.push(`Content-Type: text/plain; charset=${is8bit ? "unknown-8bit" : "us-ascii"}`);
    if (!names.has("content-disposition")) lines.push("Content-Disposition: inline");
  }
  lines.push("Content-Transfer-Encoding: quoted-printable");
  return lines;
}
