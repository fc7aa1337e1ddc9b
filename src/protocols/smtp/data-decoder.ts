/**
 * DATA decoder: undoes dot-stuffing on the bytes a client sends between our
 * 354 reply and the end-of-data mark, and finds where that mark is.
 *
 * Only CRLF ends a line. A bare LF is message text, so `LF . CRLF` cannot end
 * a message here and smuggle a second one past us (CVE-2023-51764 and kin).
 * OpenSMTPD (smtp_session.c, smtp_io) accepts LF alone; we differ on purpose.
 *
 * Ends of lines are searched for (line-end-search.ts), and text without stuffed
 * dots is handed on as a view of the input. What it must do is the table in
 * its test, which decodes byte by byte and serves as oracle.
 *
 * Source: RFC 5321 §4.5.2 (transparency), §2.3.8 (line ends).
 */
import { CR, DOT, LF, NUL } from "#base/ascii.ts";
import { nextLineEnd } from "./line-end-search.ts";

/** Where the next byte falls. "dot" has dropped a dot; "dot-cr" also holds a CR back, undecided. */
type State = "line-start" | "dot" | "dot-cr" | "text" | "cr" | "done";

const NO_TEXT = new Uint8Array(0);
/** Up to here octets are copied one by one. */
const SHORT_RUN_BYTES = 16;

/** Decodes one message; make a new one for each DATA command. */
export class DataDecoder {
  #state: State = "line-start";
  #sawBareNewline = false;
  #sawNul = false;
  #from = 0;
  #end = 0;
  /** The text of this input that was not copied: it begins here. */
  #runFrom = 0;
  /** And ends here, once a dot has cut it off. */
  #runTo: number | undefined;
  /** The text of this input before `#runFrom`, once there is text behind a dot that was dropped. */
  #copied = NO_TEXT;
  #copiedLength = 0;

  /** True once the end-of-data mark was read. */
  get done(): boolean {
    return this.#state === "done";
  }

  /** True once a CR or LF stood alone; the session refuses such a message, after its end. */
  get sawBareNewline(): boolean {
    return this.#sawBareNewline;
  }

  /** True once the text held a NUL, which RFC 5322 §2.3 forbids. */
  get sawNul(): boolean {
    return this.#sawNul;
  }

  /** Offset in the last input after what was read of it: its length, or where commands go on. */
  get end(): number {
    return this.#end;
  }

  /**
   * Decodes the bytes of `input` from `from`, however they were split.
   *
   * @returns the decoded text: a view of `input`, or a new array; it stays as it is.
   */
  push(input: Buffer, from: number): Uint8Array {
    this.#from = from;
    this.#runFrom = from;
    this.#runTo = this.#state === "dot" || this.#state === "dot-cr" ? from : undefined;
    this.#copiedLength = 0;
    const view = new DataView(input.buffer, input.byteOffset, input.length);
    let at = from;
    while (at < input.length && this.#state !== "done") {
      at = this.#state === "text" ? this.#skipLine(input, view, at) : this.#takeByte(input, at);
    }
    this.#end = at;
    const text = this.#takeText(input, at);
    if (!this.#sawNul && text.indexOf(NUL) >= 0) this.#sawNul = true;
    return text;
  }

  /** Inside a line: nothing can change before the next CR or LF. */
  #skipLine(input: Buffer, view: DataView, from: number): number {
    const at = nextLineEnd(view, from);
    return at === input.length ? at : this.#takeLineEnd(input, at);
  }

  /** At `at` is the CR or LF that comes first; returns where to go on. */
  #takeLineEnd(input: Buffer, at: number): number {
    if (input[at] === LF) {
      this.#sawBareNewline = true;
      return at + 1;
    }
    if (input[at + 1] === LF) {
      this.#state = "line-start";
      return at + 2;
    }
    this.#state = "cr";
    return at + 1;
  }

  #takeByte(input: Buffer, at: number): number {
    const byte = input[at];
    switch (this.#state) {
      case "line-start":
        if (byte === DOT) this.#cut(at);
        else this.#takeLineByte(byte);
        break;
      case "dot":
        if (byte === CR) {
          this.#state = "dot-cr";
        } else {
          this.#goOn(input, at);
          this.#takeLineByte(byte);
        }
        break;
      case "dot-cr":
        if (byte === LF) this.#state = "done";
        else this.#releaseCr(input, at);
        break;
      case "cr":
        if (byte === LF) {
          this.#state = "line-start";
        } else {
          this.#sawBareNewline = true;
          this.#state = byte === CR ? "cr" : "text";
        }
        break;
      case "text":
      case "done":
        break;
    }
    return at + 1;
  }

  /** A byte of a line that no held-back byte comes before. */
  #takeLineByte(byte: number | undefined): void {
    if (byte === LF) this.#sawBareNewline = true;
    this.#state = byte === CR ? "cr" : "text";
  }

  /** A dot begins the line at `at`: it is no text, and maybe nothing behind it is. */
  #cut(at: number): void {
    this.#runTo = at;
    this.#state = "dot";
  }

  /** There is text behind the dot, from `at`: what came before it must be copied. */
  #goOn(input: Buffer, at: number): void {
    const runTo = this.#runTo ?? at;
    if (runTo > this.#runFrom) {
      this.#reserve(input.length);
      if (runTo - this.#runFrom > SHORT_RUN_BYTES) {
        this.#copied.set(input.subarray(this.#runFrom, runTo), this.#copiedLength);
        this.#copiedLength += runTo - this.#runFrom;
      } else {
        for (let from = this.#runFrom; from < runTo; from++)
          this.#copied[this.#copiedLength++] = input[from] ?? 0;
      }
    }
    this.#runFrom = at;
    this.#runTo = undefined;
  }

  /** `. CR` was followed by something other than LF: its CR was text, and stood alone. */
  #releaseCr(input: Buffer, at: number): void {
    this.#sawBareNewline = true;
    this.#state = input[at] === CR ? "cr" : "text";
    if (at > this.#from) {
      this.#goOn(input, at - 1); // the CR is in this input
    } else {
      this.#goOn(input, at);
      this.#reserve(input.length);
      this.#copied[this.#copiedLength++] = CR;
    }
  }

  /** Room for all of this input, and for a CR that an earlier one left behind. */
  #reserve(inputLength: number): void {
    if (this.#copiedLength === 0) this.#copied = new Uint8Array(inputLength + 1);
  }

  #takeText(input: Buffer, at: number): Uint8Array {
    const run = input.subarray(this.#runFrom, this.#runTo ?? at);
    if (this.#copiedLength === 0) return run;
    this.#copied.set(run, this.#copiedLength);
    return this.#copied.subarray(0, this.#copiedLength + run.length);
  }
}
