/** The line ends of a text, to those of a message: CRLF. */
import { CR, LF } from "#base/ascii.ts";

/** LF, and CRLF as it is, to CRLF, by pieces of any size. Tells whether there is a byte beyond ASCII. */
export class ReturnsAndFeeds {
  #last: number | undefined;
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
    if (this.#last === LF || this.#last === undefined) return new Uint8Array(0);
    return Uint8Array.from(this.#last === CR ? [LF] : [CR, LF]);
  }
}

/** Each may become twice as long while it is looked at. */
const PIECE_BYTES: number = 64 * 1024;

/** All of a text. */
export function withCrlfLines(text: Uint8Array): Uint8Array {
  const lines = new ReturnsAndFeeds();
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < text.length; at += PIECE_BYTES)
    pieces.push(lines.push(text.subarray(at, at + PIECE_BYTES)));
  pieces.push(lines.end());
  return Buffer.concat(pieces);
}
