/**
 * Chunk reader: the text of one message that comes in BDAT chunks, whose lengths are
 * said before them: nothing in it is a mark or is stuffed.
 *
 * Text must have the lines that DATA would have given it, so that it can go on by DATA:
 * a CR or LF that stands alone and a NUL are told. With BODY=BINARYMIME any octet is text.
 * A CR at the end of one chunk and a LF at the start of the next belong together.
 *
 * Source: RFC 3030 §2 (BDAT), §3 (BINARYMIME).
 */
import { CR, LF, NUL } from "#base/ascii.ts";

export class ChunkReader {
  readonly #isBinary: boolean;
  #left = 0;
  #end = 0;
  #last: "cr" | "lf" | "text" | "nothing" = "nothing";
  #sawBareNewline = false;
  #sawNul = false;

  constructor(isBinary: boolean) {
    this.#isBinary = isBinary;
  }

  /** A chunk of `octets` follows. */
  begin(octets: number): void {
    this.#left = octets;
  }

  /** True once all of the chunk was read. */
  get done(): boolean {
    return this.#left === 0;
  }

  /** True once a CR or LF stood alone where it may not. */
  get sawBareNewline(): boolean {
    return this.#sawBareNewline;
  }

  get sawNul(): boolean {
    return this.#sawNul;
  }

  /** Offset in the last input after what was read of it. */
  get end(): number {
    return this.#end;
  }

  /** Takes octets of the chunk from `from`; returns a view of `input`. */
  push(input: Buffer, from: number): Uint8Array {
    this.#end = Math.min(input.length, from + this.#left);
    this.#left -= this.#end - from;
    const text = input.subarray(from, this.#end);
    if (!this.#isBinary) this.#look(text);
    return text;
  }

  /** What the last line lacks, now that no chunk follows: text goes on line by line. */
  tail(): Uint8Array {
    if (this.#isBinary) return NOTHING;
    if (this.#last === "cr") this.#sawBareNewline = true;
    return this.#last === "text" ? CRLF : NOTHING;
  }

  #look(text: Buffer): void {
    if (text.length === 0) return;
    if (this.#last === "cr" && text[0] !== LF) this.#sawBareNewline = true;
    for (let at = text.indexOf(LF); at >= 0; at = text.indexOf(LF, at + 1)) {
      const isBehindCr = at === 0 ? this.#last === "cr" : text[at - 1] === CR;
      if (!isBehindCr) this.#sawBareNewline = true;
    }
    for (let at = text.indexOf(CR); at >= 0; at = text.indexOf(CR, at + 1)) {
      if (at + 1 < text.length && text[at + 1] !== LF) this.#sawBareNewline = true;
    }
    if (!this.#sawNul && text.includes(NUL)) this.#sawNul = true;
    const last = text.at(-1);
    this.#last = last === CR ? "cr" : last === LF ? "lf" : "text";
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);
const CRLF: Uint8Array = Uint8Array.of(CR, LF);
