/**
 * Turns the CRLF lines of a stored text into the LF lines of a local mailbox.
 *
 * A CR goes only where a LF follows it; any other CR is text. The output is the same
 * however the text was cut, and `end` completes the last line.
 */
import { CR, LF } from "#base/ascii.ts";

const CR_BYTES: Uint8Array = Uint8Array.of(CR);
const LF_BYTES: Uint8Array = Uint8Array.of(LF);
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Converts one text; make a new one for each. */
export class LocalLines {
  #last: "lf" | "text" | "held-cr" = "lf";

  /** Converts the next bytes, into a new array that the caller owns. */
  push(text: Uint8Array): Uint8Array {
    if (text.length === 0) return text;
    const pieces: Uint8Array[] = [];
    if (this.#last === "held-cr" && text[0] !== LF) pieces.push(CR_BYTES);
    let copied = 0;
    for (let cr = text.indexOf(CR); cr >= 0; cr = text.indexOf(CR, cr + 1)) {
      const isHeld = cr === text.length - 1;
      if (!isHeld && text[cr + 1] !== LF) continue;
      pieces.push(text.subarray(copied, cr));
      copied = cr + 1;
    }
    const last = text.at(-1);
    this.#last = last === LF ? "lf" : last === CR ? "held-cr" : "text";
    pieces.push(text.subarray(copied));
    return Buffer.concat(pieces);
  }

  /** What is left at the end of the text: a CR held back, and the LF that the last line lacks. */
  end(): Uint8Array {
    const last = this.#last;
    this.#last = "lf";
    if (last === "lf") return NO_BYTES;
    return last === "text" ? LF_BYTES : Uint8Array.of(CR, LF);
  }
}
