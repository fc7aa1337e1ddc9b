/**
 * Parser of the replies that a server sends: bytes in, whole replies out.
 *
 * Promises: no control character survives into a reply's text (they become
 * `\xNN`), each line, each reply and the number of its lines are bounded, and the
 * lines of one reply agree on the code. Whatever breaks that is a fault, after
 * which the parser takes nothing more. A lone LF ends a line too, as in
 * OpenSMTPD: it can end a reply early but cannot change its code.
 *
 * Source: RFC 5321 §4.2 (replies), §4.5.3.1.5 (512 octets; more is allowed here).
 */
import { CR, DASH, LF, SPACE } from "#base/ascii.ts";

/** Longest line without its CRLF, OpenSMTPD's bound. */
const MAX_REPLY_LINE_BYTES = 2048;
/** Most lines of one reply. */
export const MAX_REPLY_LINES = 512;
/** Most bytes of one reply. */
const MAX_REPLY_BYTES: number = 64 * 1024;

/** A reply as a server sent it. */
export interface ReceivedReply {
  /** 200 to 599. */
  readonly code: number;
  /** The text of each line after its code: printable ASCII; at least one line, which may be empty. */
  readonly lines: readonly string[];
}

/** What a server sent that is no reply. */
export interface ReplyFault {
  readonly kind: "reply-fault";
  readonly reason: string;
}

export interface ParsedReplies {
  readonly replies: readonly ReceivedReply[];
  readonly fault: ReplyFault | undefined;
}

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const UNPRINTABLE = /[^ -~]/;
const EACH_UNPRINTABLE = /[^ -~]/g;

/** Parses one connection's replies. */
export class ReplyParser {
  #partial: Uint8Array | undefined;
  #lines: string[] = [];
  #code = 0;
  #replyBytes = 0;
  #fault: ReplyFault | undefined;

  /** True between the first line of a reply and its last. */
  get inReply(): boolean {
    return this.#lines.length > 0 || this.#partial !== undefined;
  }

  /**
   * Takes the next bytes from the wire, however they were split.
   *
   * @param input borrowed; nothing of it is kept after the call.
   */
  push(input: Uint8Array): ParsedReplies {
    const replies: ReceivedReply[] = [];
    let at = 0;
    while (this.#fault === undefined && at < input.length) {
      const lf = input.indexOf(LF, at);
      const to = lf < 0 ? input.length : lf;
      const line = this.#join(input.subarray(at, to));
      at = to + 1;
      if (line.length > MAX_REPLY_LINE_BYTES + 1) this.#fail("Line is too long");
      else if (lf < 0) this.#partial = line.slice();
      else this.#takeLine(line, replies);
    }
    return { replies, fault: this.#fault };
  }

  #join(piece: Uint8Array): Uint8Array {
    if (this.#partial === undefined) return piece;
    const joined = Buffer.concat([this.#partial, piece]);
    this.#partial = undefined;
    return joined;
  }

  #takeLine(lineWithCr: Uint8Array, replies: ReceivedReply[]): void {
    const line = lineWithCr.at(-1) === CR ? lineWithCr.subarray(0, -1) : lineWithCr;
    this.#replyBytes += line.length;
    const code = codeOf(line);
    const mark = line[3] ?? SPACE;
    if (line.length > MAX_REPLY_LINE_BYTES) return this.#fail("Line is too long");
    if (code === undefined || (mark !== SPACE && mark !== DASH)) return this.#fail("Not a reply");
    // RFC 5321 §4.2.1: the code of each line of a reply must be the same.
    if (this.#lines.length > 0 && code !== this.#code)
      return this.#fail("Lines of one reply have different codes");
    if (this.#lines.length >= MAX_REPLY_LINES || this.#replyBytes > MAX_REPLY_BYTES)
      return this.#fail("Reply is too long");
    this.#code = code;
    this.#lines.push(printable(line.subarray(4)));
    if (mark === DASH) return;
    replies.push({ code, lines: this.#lines });
    this.#lines = [];
    this.#replyBytes = 0;
  }

  #fail(reason: string): void {
    this.#fault = { kind: "reply-fault", reason };
    this.#partial = undefined;
  }
}

/** RFC 5321 §4.2: three digits, the first from 2 to 5. */
function codeOf(line: Uint8Array): number | undefined {
  let code = 0;
  for (let at = 0; at < 3; at++) {
    const byte = line[at] ?? 0;
    if (byte < DIGIT_0 || byte > DIGIT_9) return undefined;
    code = code * 10 + (byte - DIGIT_0);
  }
  return code >= 200 && code <= 599 ? code : undefined;
}

function printable(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  if (!UNPRINTABLE.test(text)) return text;
  return text.replace(EACH_UNPRINTABLE, (character) =>
    character === "\t" ? " " : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
