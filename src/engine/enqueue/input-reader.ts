/**
 * The message that a program writes to sendmail, in pieces of any size: its lines get CRLF, its
 * first lines are kept apart as long as they may be headers, and of the rest it is told what a
 * mail system must know of it.
 *
 * Memory is bounded: MAX_HEAD_BYTES of headers, and of the body one piece. The outcome does not
 * depend on how the input was split.
 *
 * Source: sendmail(8) (a line with a single dot); RFC 5322 §2.1, §2.2 (lines, headers, body).
 */
import { isAscii } from "node:buffer";
import { CR, DOT, LF } from "#base/ascii.ts";

/** Of headers: some 100,000 recipients. */
export const MAX_HEAD_BYTES: number = 8 * 1024 * 1024;

const NUL = 0;
const CRLF_BYTES: Uint8Array = Uint8Array.of(CR, LF);
const NOTHING: Uint8Array = new Uint8Array(0);
/** RFC 5322 §2.2, and §4.5: spaces may stand before the colon. */
const FIELD_START = /^[!-9;-~]{1,1023}[ \t]*:/;
/** How an mbox, and some programs, begin a message: no header, and not sent. */
const MBOX_LINE = /^>?from (?![ \t]*:)/i;

export function isMboxLine(line: string): boolean {
  return MBOX_LINE.test(line);
}

export interface BodyFacts {
  readonly is8bit: boolean;
  /** In octets, without CRLF. */
  readonly longestLine: number;
  /** NUL, or a CR that is not before an LF: no server takes them. */
  readonly hasOddBytes: boolean;
}

export interface InputHead {
  /** Lines without their end, one character for each octet; they may be headers. */
  readonly lines: readonly string[];
  /** An empty line was behind them. */
  readonly isEnded: boolean;
}

export interface InputSettings {
  /** A line that is a dot alone ends the message. */
  readonly dotEnds: boolean;
}

export class InputReader {
  readonly #dotEnds: boolean;
  readonly #lines: string[] = [];
  #headBytes = 0;
  #hasField = false;
  #phase: "head" | "body" | "ended" | "overlong" = "head";
  #isHeadEnded = false;
  /** In the head a line that is not complete; in the body two bytes at most that may be its end. */
  #carry: Uint8Array = NOTHING;
  #lineLength = 0;
  #is8bit = false;
  #longestLine = 0;
  #hasOddBytes = false;

  constructor({ dotEnds }: InputSettings) {
    this.#dotEnds = dotEnds;
  }

  /** True once a dot has ended the message: what follows is not of it. */
  get isEnded(): boolean {
    return this.#phase === "ended";
  }

  /** The headers are longer than MAX_HEAD_BYTES: the message cannot be taken. */
  get isOverlong(): boolean {
    return this.#phase === "overlong";
  }

  get head(): InputHead {
    return { lines: this.#lines, isEnded: this.#isHeadEnded };
  }

  /** Of all that `push` and `end` have returned. */
  get body(): BodyFacts {
    return {
      is8bit: this.#is8bit,
      longestLine: this.#longestLine,
      hasOddBytes: this.#hasOddBytes,
    };
  }

  /**
   * The lines before the body where they are no headers, with their ends: they go before all
   * that `push` returns, and count in `body`.
   */
  takeHeadAsBody(): Uint8Array {
    for (const { length } of this.#lines) {
      if (length > this.#longestLine) this.#longestLine = length;
    }
    const lines = this.#isHeadEnded ? [...this.#lines, ""] : this.#lines;
    const text = lines.map((line) => `${line}\r\n`).join("");
    this.#lines.length = 0;
    return this.#look(Buffer.from(text, "latin1"));
  }

  /** Takes the next bytes, borrowed; returns what of the body is sure, which the caller owns. */
  push(chunk: Uint8Array): Uint8Array {
    const input = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    this.#carry = NOTHING;
    let at = 0;
    while (this.#phase === "head") {
      const end = input.indexOf(LF, at);
      if (end < 0) {
        this.#keepHeadRest(input.subarray(at));
        return NOTHING;
      }
      at = this.#takeHeadLine(lineOf(input, at, end)) ? end + 1 : at;
    }
    return this.#phase === "body" ? this.#takeBody(input.subarray(at)) : NOTHING;
  }

  /** The input is over; returns the end of the body. A last line without its end gets one. */
  end(): Uint8Array {
    if (this.#phase === "head" && this.#carry.length > 0) {
      const line = this.#carry;
      this.#carry = NOTHING;
      if (!this.#takeHeadLine(lineOf(line, 0, line.length))) this.#carry = line;
    }
    if (this.#phase !== "body") return NOTHING;
    const line = this.#carry;
    this.#carry = NOTHING;
    if (this.#lineLength === 0 && line.length === 0) return NOTHING;
    if (this.#isDot(line)) return NOTHING;
    const last = lineOf(line, 0, line.length);
    return this.#look(Buffer.concat([this.#takeLine(last), CRLF_BYTES]));
  }

  /** Takes a line of the head without its end; false: it is the first of the body. */
  #takeHeadLine(line: Uint8Array): boolean {
    if (this.#isDot(line)) {
      this.#phase = "ended";
      return true;
    }
    this.#headBytes += line.length + CRLF_BYTES.length;
    if (this.#headBytes > MAX_HEAD_BYTES) {
      this.#phase = "overlong";
      return true;
    }
    const text = Buffer.from(line.buffer, line.byteOffset, line.length).toString("latin1");
    if (text === "") {
      this.#phase = "body";
      this.#isHeadEnded = true;
      return true;
    }
    if (this.#mayBeHead(text)) {
      this.#lines.push(text);
      return true;
    }
    this.#phase = "body";
    return false;
  }

  #mayBeHead(line: string): boolean {
    if (isMboxLine(line)) return true;
    if (/^[ \t]/.test(line)) return this.#hasField;
    const isField = FIELD_START.test(line);
    this.#hasField ||= isField;
    return isField;
  }

  #keepHeadRest(rest: Uint8Array): void {
    if (this.#headBytes + rest.length > MAX_HEAD_BYTES) this.#phase = "overlong";
    else this.#carry = rest.slice();
  }

  #isDot(line: Uint8Array): boolean {
    if (!this.#dotEnds || this.#lineLength > 0 || line[0] !== DOT) return false;
    return line.length === 1 || (line.length === 2 && line[1] === CR);
  }

  #takeBody(input: Uint8Array): Uint8Array {
    // Twice as many at most: each LF becomes two.
    const out = Buffer.allocUnsafe(2 * input.length);
    let length = 0;
    let at = 0;
    for (let end = input.indexOf(LF); end >= 0; end = input.indexOf(LF, at)) {
      const line = lineOf(input, at, end);
      at = end + 1;
      if (this.#isDot(line)) {
        this.#phase = "ended";
        return this.#look(out.subarray(0, length));
      }
      out.set(this.#takeLine(line), length);
      length += line.length;
      this.#lineLength = 0;
      out[length++] = CR;
      out[length++] = LF;
    }
    const rest = input.subarray(at);
    const held = this.#lineLength === 0 && isDotSoFar(rest) ? rest.length : endsInCr(rest) ? 1 : 0;
    const sure = rest.subarray(0, rest.length - held);
    this.#carry = rest.slice(rest.length - held);
    out.set(this.#takeLine(sure), length);
    return this.#look(out.subarray(0, length + sure.length));
  }

  #takeLine(line: Uint8Array): Uint8Array {
    this.#lineLength += line.length;
    if (this.#lineLength > this.#longestLine) this.#longestLine = this.#lineLength;
    return line;
  }

  /** Looks for bytes that matter; a CR at the end of a piece never leaves before what follows it. */
  #look(text: Uint8Array): Uint8Array {
    if (!this.#is8bit && !isAscii(text)) this.#is8bit = true;
    if (!this.#hasOddBytes) this.#hasOddBytes = text.includes(NUL) || hasBareCr(text);
    return text;
  }
}

/** Up to the LF at `end`, without a CR before it. */
function lineOf(input: Uint8Array, from: number, end: number): Uint8Array {
  return input.subarray(from, end > from && input[end - 1] === CR ? end - 1 : end);
}

function isDotSoFar(rest: Uint8Array): boolean {
  if (rest.length === 0 || rest.length > 2 || rest[0] !== DOT) return false;
  return rest.length === 1 || rest[1] === CR;
}

function endsInCr(rest: Uint8Array): boolean {
  return rest.at(-1) === CR;
}

function hasBareCr(text: Uint8Array): boolean {
  for (let at = text.indexOf(CR); at >= 0; at = text.indexOf(CR, at + 1)) {
    if (text[at + 1] !== LF) return true;
  }
  return false;
}
