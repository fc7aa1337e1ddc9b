/**
 * The line ends of a text that leaves the spool or comes into it, whose own are CRLF; each by
 * pieces of any size.
 */
import { CR, LF } from "#base/ascii.ts";

const FROM: readonly number[] = Array.from(Buffer.from("From "));
/** `>` */
const QUOTE = 0x3e;

/** CRLF to LF. */
export class LineFeeds {
  #hasReturn = false;

  push(chunk: Uint8Array): Uint8Array {
    const out = new Uint8Array(chunk.length + 1);
    let length = 0;
    for (const byte of chunk) {
      if (this.#hasReturn && byte !== LF) out[length++] = CR;
      this.#hasReturn = byte === CR;
      if (!this.#hasReturn) out[length++] = byte;
    }
    return out.subarray(0, length);
  }

  end(): Uint8Array {
    return Uint8Array.from(this.#hasReturn ? [CR] : []);
  }
}

/** LF, and CRLF as it is, to CRLF. Tells whether there is a byte beyond ASCII. */
export class ReturnsAndFeeds {
  #last = 0;
  #is8bit = false;

  get is8bit(): boolean {
    return this.#is8bit;
  }

  push(chunk: Uint8Array): Uint8Array {
    const out = new Uint8Array(2 * chunk.length);
    let length = 0;
    for (const byte of chunk) {
      if (byte === LF && this.#last !== CR) out[length++] = CR;
      if (byte > 0x7f) this.#is8bit = true;
      out[length++] = byte;
      this.#last = byte;
    }
    return out.slice(0, length);
  }

  /** A last line without its end gets one. */
  end(): Uint8Array {
    if (this.#last === LF || this.#last === 0) return new Uint8Array(0);
    return Uint8Array.from(this.#last === CR ? [LF] : [CR, LF]);
  }
}

/** To LF, with `>` before each line that begins with `From `, quoted or not (mboxrd), and an empty line at the end. */
export class MboxLines {
  readonly #feeds = new LineFeeds();
  /** The start of a line that may be one that is quoted. */
  #start: number[] | undefined = [];
  #lastByte: number = LF;

  push(chunk: Uint8Array): Uint8Array {
    return this.#quoted(this.#feeds.push(chunk));
  }

  end(): Uint8Array {
    const rest = [...this.#quoted(this.#feeds.end()), ...(this.#start ?? [])];
    const last = rest.at(-1) ?? this.#lastByte;
    return Uint8Array.from([...rest, ...(last === LF ? [LF] : [LF, LF])]);
  }

  #quoted(bytes: Uint8Array): Uint8Array {
    const out: number[] = [];
    for (const byte of bytes) {
      this.#lastByte = byte;
      if (this.#start === undefined) out.push(byte);
      else this.#start.push(byte);
      if (this.#start !== undefined) this.#decide(this.#start, out);
      if (byte === LF) this.#start = [];
    }
    return Uint8Array.from(out);
  }

  /** Lets the start of a line go when it is known whether it is quoted. */
  #decide(start: readonly number[], out: number[]): void {
    const word = start.slice(start.findIndex((byte) => byte !== QUOTE));
    if (start.every((byte) => byte === QUOTE)) return;
    if (word.length < FROM.length && word.every((byte, at) => byte === FROM[at])) return;
    if (FROM.every((byte, at) => byte === word[at])) out.push(QUOTE);
    for (const byte of start) out.push(byte);
    this.#start = undefined;
  }
}
