/**
 * DATA encoder: the text of a message, made fit for the wire after a 354 reply.
 *
 * Promises: every line that leaves ends in CRLF, a line that begins with a dot
 * gets a second one, the output ends in CRLF "." CRLF, and it is the same however
 * the text was cut. Stored text has CRLF lines already; where it does not, a lone
 * LF becomes CRLF and a lone CR a space (one at the very end is dropped), so that
 * nothing we send can be read as two messages (CVE-2023-51764 and kin). Behind BDAT dots mean
 * nothing and are left alone (chunk-encoder.ts).
 *
 * Source: RFC 5321 §4.5.2 (transparency), §2.3.8 (lone CR and LF must not be sent).
 */
import { CR, DOT, LF, SPACE } from "#base/ascii.ts";

const CRLF_BYTES: Uint8Array = Uint8Array.of(CR, LF);
const DOT_BYTES: Uint8Array = Uint8Array.of(DOT);
const SPACE_BYTES: Uint8Array = Uint8Array.of(SPACE);
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** The end-of-data mark, where the wire stands at the start of a line. */
export const END_OF_DATA: Uint8Array = Uint8Array.of(DOT, CR, LF);

/** Where the next byte of text falls. "cr" holds a CR back, undecided. */
type State = "line-start" | "text" | "cr";

/** Encodes one message; make a new one for each DATA command. */
export class DataEncoder {
  readonly #dots: "doubled" | "plain";
  #state: State = "line-start";

  constructor(dots: "doubled" | "plain" = "doubled") {
    this.#dots = dots;
  }

  /**
   * Encodes the next bytes of text.
   *
   * @param text borrowed; the result may be a view of it where nothing had to change.
   */
  push(text: Uint8Array): Uint8Array {
    const edits = new Edits(text, this.#takeHeldCr(text));
    const stuffs = this.#dots === "doubled";
    let at = edits.copied;
    let cr = indexOf(text, CR, at);
    while (at < text.length) {
      if (stuffs && this.#state === "line-start" && text[at] === DOT)
        edits.replace(at, at, DOT_BYTES);
      const end = indexOf(text, LF, at);
      const hasLf = end < text.length;
      for (; cr < end - 1; cr = indexOf(text, CR, cr + 1)) edits.replace(cr, cr + 1, SPACE_BYTES);
      const hasCr = cr === end - 1;
      if (hasLf && !hasCr) edits.replace(end, end + 1, CRLF_BYTES);
      if (hasCr && !hasLf) edits.replace(cr, end, NO_BYTES);
      if (hasCr) cr = indexOf(text, CR, end);
      this.#state = hasLf ? "line-start" : hasCr ? "cr" : "text";
      at = end + 1;
    }
    return edits.result();
  }

  /** The bytes that end the message: CRLF if the last line has none, then the end-of-data mark. */
  end(): Uint8Array {
    if (this.#state === "line-start") return END_OF_DATA;
    this.#state = "line-start";
    return Buffer.concat([CRLF_BYTES, END_OF_DATA]);
  }

  /** What becomes of a CR that ended the chunk before, now that the next byte is known. */
  #takeHeldCr(text: Uint8Array): { readonly piece: Uint8Array; readonly replaces: number } {
    if (this.#state !== "cr" || text.length === 0) return { piece: NO_BYTES, replaces: 0 };
    const isLine = text[0] === LF;
    this.#state = isLine ? "line-start" : "text";
    return isLine ? { piece: CRLF_BYTES, replaces: 1 } : { piece: SPACE_BYTES, replaces: 0 };
  }
}

/** A text with some of its bytes replaced; copies nothing if none are. */
class Edits {
  readonly #text: Uint8Array;
  readonly #pieces: Uint8Array[];
  /** How much of the text is in the pieces, or replaced by them. */
  copied = 0;

  constructor(text: Uint8Array, first: { readonly piece: Uint8Array; readonly replaces: number }) {
    this.#text = text;
    this.#pieces = first.piece.length > 0 ? [first.piece] : [];
    this.copied = first.replaces;
  }

  replace(from: number, to: number, piece: Uint8Array): void {
    this.#pieces.push(this.#text.subarray(this.copied, from), piece);
    this.copied = to;
  }

  result(): Uint8Array {
    if (this.#pieces.length === 0) return this.#text;
    return Buffer.concat([...this.#pieces, this.#text.subarray(this.copied)]);
  }
}

/** Index of the first `byte` at or after `from`; `text.length` if there is none. */
function indexOf(text: Uint8Array, byte: number, from: number): number {
  const at = text.indexOf(byte, from);
  return at < 0 ? text.length : at;
}
