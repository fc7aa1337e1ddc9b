/**
 * Turns the CRLF lines of a stored text into those of an mbox: LF, a `>` more before each
 * `From ` that begins a line, quoted already or not (mboxrd), and an empty line at the end.
 *
 * No line of the output begins with `From `, however the text was cut, so no message can
 * pretend to be two; and taking one `>` away gives the text back.
 *
 * Source: mbox(5); RFC 4155, appendix A, has the format and its dialects.
 */
import { LF } from "#base/ascii.ts";
import { LocalLines } from "./local-lines.ts";

const FROM: Uint8Array = Buffer.from("From ");
const QUOTE: Uint8Array = Buffer.from(">");
const LF_BYTES: Uint8Array = Uint8Array.of(LF);
/** The rest of a line is none of our business. */
const IN_TEXT = -1;

/** Converts one text; make a new one for each. */
export class MboxLines {
  readonly #lines = new LocalLines();
  /** How much of FROM stands at the start of this line, behind its `>`; or IN_TEXT. */
  #matched = 0;
  /** As much of that as has not been given out yet. */
  #held = 0;

  push(text: Uint8Array): Uint8Array {
    return this.#quoted(this.#lines.push(text));
  }

  /** What is left at the end of the text, and the empty line. */
  end(): Uint8Array {
    const rest = this.#quoted(this.#lines.end());
    return Buffer.concat([rest, FROM.subarray(0, this.#held), LF_BYTES]);
  }

  #quoted(text: Uint8Array): Uint8Array {
    const pieces: Uint8Array[] = [];
    let copied = 0;
    let at = 0;
    while (at < text.length) {
      if (this.#matched === IN_TEXT) {
        const lf = text.indexOf(LF, at);
        if (lf < 0) break;
        at = lf + 1;
        this.#matched = 0;
        continue;
      }
      const byte = text[at];
      at++;
      if (byte !== FROM[this.#matched]) {
        pieces.push(this.#release());
        this.#mismatched(byte);
        continue;
      }
      this.#matched++;
      if (this.#matched < FROM.length) continue;
      const start = Math.max(0, at - FROM.length);
      pieces.push(text.subarray(copied, start), QUOTE, this.#release());
      copied = start;
      this.#matched = IN_TEXT;
    }
    const known = text.length - Math.max(0, this.#matched - this.#held);
    this.#held = Math.max(0, this.#matched);
    pieces.push(text.subarray(copied, known));
    return Buffer.concat(pieces);
  }

  /** It is the first piece of what comes out: nothing of this text was given out before it. */
  #release(): Uint8Array {
    const held = FROM.subarray(0, this.#held);
    this.#held = 0;
    return held;
  }

  #mismatched(byte: number | undefined): void {
    if (byte === LF) this.#matched = 0;
    else if (byte !== QUOTE[0] || this.#matched > 0) this.#matched = IN_TEXT;
  }
}
