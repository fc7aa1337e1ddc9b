/**
 * Reads from a message's header what decides about its delivery: the Delivered-To fields,
 * which tell whether it has been in a mailbox before, and whether a filter called it spam.
 *
 * A byte machine over the header alone; it keeps one line at a time, MAX_FIELD_BYTES
 * of it, stops after MAX_HEADER_BYTES, and remembers MAX_FIELDS values.
 *
 * Source: OpenSMTPD's mda.c and mail.maildir(8); the field's habit is qmail's.
 */
import { CR, LF } from "#base/ascii.ts";
import type { MessageText } from "#model/delivery.ts";

const MAX_FIELD_BYTES = 2048;
const MAX_HEADER_BYTES: number = 1024 * 1024;
const MAX_FIELDS = 200;
const FIELD = "delivered-to:";
/** Whole lines, in lower case. */
const SPAM: readonly string[] = ["x-spam: yes", "x-spam-flag: yes"];

const MAX_SPAM_LENGTH: number = Math.max(...SPAM.map(({ length }) => length));

/** What a header says. */
export interface HeaderSigns {
  /** Values of the Delivered-To fields, in lower case. */
  readonly deliveredTo: ReadonlySet<string>;
  readonly isSpam: boolean;
}

/** @throws {FilesError} if the text cannot be read. */
export async function headerSigns(text: MessageText): Promise<HeaderSigns> {
  const scan = new DeliveredToScan();
  for await (const chunk of text.chunks()) {
    if (scan.push(chunk) === "done") break;
  }
  return { deliveredTo: scan.values, isSpam: scan.isSpam };
}

/** The Delivered-To fields alone. @throws {FilesError} if the text cannot be read. */
export async function findDeliveredTo(text: MessageText): Promise<ReadonlySet<string>> {
  return (await headerSigns(text)).deliveredTo;
}

/** The machine; exported for its test. */
export class DeliveredToScan {
  readonly #values = new Set<string>();
  #isSpam = false;
  #line = "";
  #headerBytes = 0;

  get values(): ReadonlySet<string> {
    return this.#values;
  }

  get isSpam(): boolean {
    return this.#isSpam;
  }

  /** Takes the next bytes of text; "done" after the header. */
  push(chunk: Uint8Array): "more" | "done" {
    let at = 0;
    while (at < chunk.length) {
      const lf = chunk.indexOf(LF, at);
      const end = lf < 0 ? chunk.length : lf;
      const room = MAX_FIELD_BYTES - this.#line.length;
      const piece = chunk.subarray(at, Math.min(end, at + room));
      this.#line += Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString("latin1");
      this.#headerBytes += end - at;
      at = end + 1;
      if (this.#headerBytes > MAX_HEADER_BYTES) return "done";
      if (lf >= 0 && this.#endLine() === "blank") return "done";
    }
    return "more";
  }

  #endLine(): "blank" | "field" {
    const line = this.#line.endsWith(String.fromCharCode(CR))
      ? this.#line.slice(0, -1)
      : this.#line;
    this.#line = "";
    if (line === "") return "blank";
    if (line.length <= MAX_SPAM_LENGTH && SPAM.includes(line.toLowerCase())) this.#isSpam = true;
    if (line.slice(0, FIELD.length).toLowerCase() === FIELD && this.#values.size < MAX_FIELDS) {
      const value = Buffer.from(line.slice(FIELD.length), "latin1").toString("utf8");
      this.#values.add(value.trim().toLowerCase());
    }
    return "field";
  }
}
