/**
 * Header editor: makes a message of our own users one that may go out. Adds Date and
 * Message-ID where they are missing, takes Bcc out, completes addresses without a domain
 * in From, To and Cc, and may put the envelope's sender into From: then there is one From,
 * and no other address in it, whatever was written there.
 *
 * Every other header, and the body, goes through octet for octet, as views of the input.
 * Keeps one header at most, of MAX_EDITED_BYTES; a larger one stays as it is, and all of them
 * once MAX_ADDED_BYTES were added. The outcome does not depend on how the text was split.
 * Linear in the length of the text.
 *
 * Source: OpenSMTPD's smtp_session.c and rfc5322.c; RFC 6409 §8 (what a submission server
 * may change); RFC 5322 §3.6.3 (Bcc).
 */
import { COLON, CR, LF, SPACE, TAB } from "#base/ascii.ts";
import { completeAddresses, masqueradeAddresses } from "./address-list.ts";

export interface HeaderEdits {
  /** Goes behind addresses that have none. */
  readonly domain: string;
  /** The value of the Date header that is added. */
  readonly date: string;
  /** The value of the Message-ID header that is added. */
  readonly messageId: string;
  /** Goes in the place of every address in From; undefined or "": they stay. */
  readonly sender: string | undefined;
}

/** Of a To, Cc or From header with its folds. OpenSMTPD's bound. */
export const MAX_EDITED_BYTES = 65_536;

/** By which domains may make a message larger. */
export const MAX_ADDED_BYTES = 65_536;

/** Longer than any name that is looked for, with spaces before its colon. */
const MAX_LOOKED_AT_BYTES = 64;

/** What happens to the octets of the header under way. */
type Mode = "copy" | "drop" | "collect";

const MODES: ReadonlyMap<string, Mode> = new Map([
  ["from", "collect"],
  ["to", "collect"],
  ["cc", "collect"],
  ["bcc", "drop"],
  ["date", "copy"],
  ["message-id", "copy"],
]);
const NOTHING: Uint8Array = new Uint8Array(0);

export class HeaderEditor {
  readonly #edits: HeaderEdits;
  readonly #write: (text: Uint8Array) => void;
  #mode: Mode = "copy";
  #isAtLineStart = true;
  #isFinished = false;
  #hasDate = false;
  #hasMessageId = false;
  #hasFrom = false;
  #addedBytes = 0;
  /** The start of a line whose name is not known yet. */
  #carry: Uint8Array = NOTHING;
  /** The header that is collected, and its name. */
  #collected: Uint8Array[] = [];
  #collectedBytes = 0;
  #name = "";

  /** `write` owns the arrays that it is given, views of the input among them. */
  constructor(edits: HeaderEdits, write: (text: Uint8Array) => void) {
    this.#edits = edits;
    this.#write = write;
  }

  /** True once the block of headers is over: what follows needs no editor. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  push(input: Uint8Array): void {
    if (this.#isFinished) {
      this.#put(input);
      return;
    }
    const text = this.#carry.length === 0 ? input : Buffer.concat([this.#carry, input]);
    this.#carry = NOTHING;
    /** What is before it went where it belongs. */
    let done = 0;
    for (let at = 0; at < text.length; ) {
      if (this.#isAtLineStart && !isSpace(text[at])) {
        const name = nameAt(text, at);
        if (name === undefined) {
          this.#take(text.subarray(done, at));
          this.#carry = text.slice(at);
          return;
        }
        // A run of headers that stay is handed on in one piece.
        if (this.#mode !== "copy" || isEdited(name) || isEnd(text[at])) {
          this.#take(text.subarray(done, at));
          this.#endHeader();
          done = at;
        }
        if (isEnd(text[at])) {
          this.#endBlock();
          this.#put(text.subarray(at));
          return;
        }
        this.#startHeader(name);
      }
      const lineFeed = text.indexOf(LF, at);
      this.#isAtLineStart = lineFeed >= 0;
      at = lineFeed < 0 ? text.length : lineFeed + 1;
    }
    this.#take(text.subarray(done));
  }

  /** The text is over. */
  end(): void {
    if (this.#isFinished) return;
    const carry = this.#carry;
    this.#carry = NOTHING;
    if (carry.length > 0) this.#endHeader();
    this.#take(carry);
    this.#endHeader();
    this.#endBlock();
  }

  #startHeader(name: string): void {
    this.#name = name;
    this.#mode = MODES.get(name) ?? "copy";
    if (this.#sender !== undefined && this.#hasFrom) this.#mode = "drop";
    if (name === "from") this.#hasFrom = true;
    if (name === "date") this.#hasDate = true;
    if (name === "message-id") this.#hasMessageId = true;
  }

  /** Octets of the header under way. */
  #take(text: Uint8Array): void {
    if (text.length === 0 || this.#mode === "drop") return;
    if (this.#mode === "copy") {
      this.#put(text);
      return;
    }
    this.#collected.push(text);
    this.#collectedBytes += text.length;
    if (this.#collectedBytes <= MAX_EDITED_BYTES) return;
    const sender = this.#sender;
    if (sender === undefined) for (const piece of this.#collected) this.#put(piece);
    else this.#put(Buffer.from(`From: ${sender}\r\n`, "latin1"));
    this.#forget();
    this.#mode = sender === undefined ? "copy" : "drop";
  }

  #endHeader(): void {
    if (this.#mode === "collect") {
      const header = Buffer.concat(this.#collected).toString("latin1");
      this.#forget();
      this.#put(Buffer.from(this.#edited(header), "latin1"));
    }
    this.#mode = "copy";
  }

  /** `header` with its name, one character for each octet. */
  #edited(header: string): string {
    const colon = header.indexOf(":") + 1;
    const name = header.slice(0, colon);
    const body = header.slice(colon);
    const sender = this.#sender;
    if (sender !== undefined) return name + masqueradeAddresses(body, sender);
    const completed = completeAddresses(body, this.#edits.domain);
    if (completed === undefined) return header;
    const addedBytes = this.#addedBytes + completed.length - body.length;
    if (addedBytes > MAX_ADDED_BYTES) return header;
    this.#addedBytes = addedBytes;
    return name + completed;
  }

  /** What the header under way has in place of its addresses, one character for each octet. */
  get #sender(): string | undefined {
    const { sender } = this.#edits;
    if (this.#name !== "from" || sender === undefined || sender === "") return undefined;
    return Buffer.from(sender, "utf8").toString("latin1");
  }

  #endBlock(): void {
    this.#isFinished = true;
    const { date, messageId } = this.#edits;
    const added =
      (this.#hasDate ? "" : `Date: ${date}\r\n`) +
      (this.#hasMessageId ? "" : `Message-ID: ${messageId}\r\n`);
    this.#put(Buffer.from(added, "latin1"));
  }

  #forget(): void {
    this.#collected = [];
    this.#collectedBytes = 0;
  }

  #put(text: Uint8Array): void {
    if (text.length > 0) this.#write(text);
  }
}

/**
 * The name of the header that begins at `from`, in lower case: "" for one that is not
 * looked for, undefined if `text` ends before that is known.
 */
function nameAt(text: Uint8Array, from: number): string | undefined {
  const limit = Math.min(text.length, from + MAX_LOOKED_AT_BYTES);
  let end = from;
  while (end < limit && isNameByte(text[end])) end++;
  let colon = end;
  while (colon < limit && isSpace(text[colon])) colon++;
  // One that is longer than any known is known to be none of them.
  if (end - from > MAX_NAME_LENGTH) return "";
  if (colon === text.length) return undefined;
  if (text[colon] !== COLON || !FIRST_BYTES.has((text[from] ?? 0) | 0x20)) return "";
  const name = Buffer.from(text.buffer, text.byteOffset + from, end - from)
    .toString("latin1")
    .toLowerCase();
  return MODES.has(name) ? name : "";
}

const MAX_NAME_LENGTH: number = Math.max(...Array.from(MODES.keys(), (name) => name.length));

/** Most headers begin otherwise, and get no string made of their name. */
const FIRST_BYTES: ReadonlySet<number> = new Set(
  Array.from(MODES.keys(), (name) => name.charCodeAt(0)),
);

function isEdited(name: string): boolean {
  return (MODES.get(name) ?? "copy") !== "copy";
}

function isNameByte(byte: number | undefined): boolean {
  return byte !== undefined && byte > SPACE && byte !== COLON && byte < 0x7f;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

function isEnd(byte: number | undefined): boolean {
  return byte === CR || byte === LF;
}
