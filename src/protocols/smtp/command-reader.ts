/**
 * Command reader: finds the lines of a client in the bytes that it sends.
 *
 * Only CRLF ends a line; a line that has a CR or LF elsewhere is read to its
 * CRLF and then refused as a whole, so that no two readers can disagree on where
 * a command began. Keeps at most MAX_COMMAND_BYTES of an unfinished line, or
 * MAX_AUTH_LINE_BYTES of one that may hold a token.
 * OpenSMTPD takes LF alone; we differ on purpose (SMTP smuggling).
 *
 * Source: RFC 5321 §2.3.8 (lines), §4.5.3.1.4 (512 octets at least); RFC 4954 §4.
 */
import { CR, LF, SPACE, TAB } from "#base/ascii.ts";

/** OpenSMTPD's LINE_MAX; CRLF counts. RFC 5321 §4.5.3.1.4 asks for 512. */
export const MAX_COMMAND_BYTES = 2048;

/** Of AUTH and of responses within it. Source: RFC 4954 §4. */
export const MAX_AUTH_LINE_BYTES = 12_288;

/**
 * Which lines may have MAX_AUTH_LINE_BYTES: none, those that begin with `AUTH `, or, as a
 * response is awaited, the next one.
 */
export type LongLines = "none" | "auth" | "response";

export interface LineFault {
  readonly kind: "line-fault";
  /** "binary": it begins with an octet that no command begins with: TLS, or noise. */
  readonly why: "bare-newline" | "too-long" | "binary";
}

const AUTH = "AUTH ";
const BARE_NEWLINE_FAULT: LineFault = Object.freeze({ kind: "line-fault", why: "bare-newline" });
const BINARY_FAULT: LineFault = Object.freeze({ kind: "line-fault", why: "binary" });
const TOO_LONG_FAULT: LineFault = Object.freeze({ kind: "line-fault", why: "too-long" });

export class CommandReader {
  /** The start of a line that came in an earlier chunk: one character for each octet. */
  #kept = "";
  #end = 0;
  #endsInCr = false;
  #sawBareNewline = false;

  /** Octets of a line whose end has not come. */
  get keptBytes(): number {
    return this.#kept.length;
  }

  /** Offset in the last input after what was read of it. */
  get end(): number {
    return this.#end;
  }

  /**
   * Reads on in `input` from `from`: the next line without its CRLF, one character
   * for each octet; or why it is refused; or undefined when `input` ends first
   * (then all of it was taken). After "too-long" and "binary" the reader must not be
   * used again: nobody knows where the next command begins.
   */
  read(input: Buffer, from: number, longLines: LongLines = "none"): string | LineFault | undefined {
    if (this.#kept === "" && isBinary(input[from] ?? CR)) return BINARY_FAULT;
    const { length: kept } = this.#kept;
    // What is short enough need not be looked at for its kind.
    const mayBeLong = longLines !== "none" && kept + input.length - from >= MAX_COMMAND_BYTES;
    const limit =
      from - kept + (mayBeLong ? this.#longest(input, from, longLines) : MAX_COMMAND_BYTES);
    const stop = Math.min(input.length, limit);
    for (let at = from; at < stop; at++) {
      const byte = input[at];
      if (this.#endsInCr && byte === LF) return this.#finish(input, from, at);
      if (this.#endsInCr || byte === LF) this.#sawBareNewline = true;
      this.#endsInCr = byte === CR;
    }
    if (stop === limit) return TOO_LONG_FAULT;
    this.#kept += input.toString("latin1", from);
    this.#end = input.length;
    return undefined;
  }

  /** The line's first octets are there, as more than these are. */
  #longest(input: Buffer, from: number, longLines: LongLines): number {
    if (longLines === "response") return MAX_AUTH_LINE_BYTES;
    const start =
      this.#kept.slice(0, AUTH.length) + input.toString("latin1", from, from + AUTH.length);
    const isAuth = start.slice(0, AUTH.length).toUpperCase() === AUTH;
    return isAuth ? MAX_AUTH_LINE_BYTES : MAX_COMMAND_BYTES;
  }

  #finish(input: Buffer, from: number, lineFeed: number): string | LineFault {
    const line =
      this.#kept === ""
        ? input.toString("latin1", from, lineFeed - 1)
        : (this.#kept + input.toString("latin1", from, lineFeed)).slice(0, -1);
    const isBad = this.#sawBareNewline;
    this.#kept = "";
    this.#end = lineFeed + 1;
    this.#endsInCr = false;
    this.#sawBareNewline = false;
    return isBad ? BARE_NEWLINE_FAULT : line;
  }
}

/** Control characters but TAB, LF and CR, and whatever is not ASCII. */
function isBinary(byte: number): boolean {
  return byte > 0x7e || (byte < SPACE && byte !== TAB && byte !== LF && byte !== CR);
}
