/**
 * Header scanner: watches a message go by and tells whether its header block is
 * well formed, and how many Received headers it has.
 *
 * Keeps no text: memory is constant and time linear however large the block is.
 * A header is a line with ":" that does not start with a space or tab, and whose
 * name is 1 to 1023 octets; such a start continues the header before. The first
 * line that is neither must be empty. A message may end inside its block, and
 * may be empty. OpenSMTPD's rules (rfc5322.c), but for the empty name, refused here.
 * A continuation as the first line is refused too: it would continue the trace
 * header that the server puts before it.
 *
 * Source: RFC 5322 §2.2.
 */
import { COLON, CR, LF, SPACE, TAB } from "#base/ascii.ts";

const MAX_NAME_LENGTH = 1023;
const RECEIVED = "received";

type State = "line-start" | "name" | "value" | "empty-line" | "body" | "malformed";

export class HeaderScanner {
  #state: State = "line-start";
  readonly #watchesUtf8: boolean;
  #sawUtf8 = false;
  #receivedCount = 0;
  #hasHeader = false;
  #nameLength = 0;
  /** How much of "received" the name has matched; -1 once it differs. */
  #matched = 0;

  /** @param watchesUtf8 whether octets beyond ASCII are looked for, which costs a pass more. */
  constructor(watchesUtf8 = false) {
    this.#watchesUtf8 = watchesUtf8;
  }

  /** Whether a header has octets beyond ASCII. */
  get sawUtf8(): boolean {
    return this.#sawUtf8;
  }

  get receivedCount(): number {
    return this.#receivedCount;
  }

  /** False while there is more to look at. */
  get isFinished(): boolean {
    return this.#state === "body" || this.#state === "malformed";
  }

  /** Whether the block, taken to end where the text ended so far, breaks the rules. */
  get isMalformed(): boolean {
    return this.#state === "malformed" || this.#state === "name" || this.#state === "empty-line";
  }

  /** Looks at the next decoded bytes, however they were split. Borrows `text`. */
  push(text: Uint8Array): void {
    let at = 0;
    while (at < text.length && !this.isFinished) {
      if (this.#state === "value") {
        const lineFeed = text.indexOf(LF, at);
        if (this.#watchesUtf8) this.#watch(text, at, lineFeed < 0 ? text.length : lineFeed);
        if (lineFeed < 0) return;
        this.#state = "line-start";
        at = lineFeed + 1;
      } else {
        this.#take(text[at++] as number);
      }
    }
  }

  #watch(text: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to && !this.#sawUtf8; at++)
      if ((text[at] ?? 0) > 0x7f) this.#sawUtf8 = true;
  }

  #take(byte: number): void {
    if (this.#state === "line-start") this.#startLine(byte);
    else if (this.#state === "empty-line") this.#state = byte === LF ? "body" : "malformed";
    else this.#takeName(byte);
  }

  #startLine(byte: number): void {
    if (byte === CR) {
      this.#state = "empty-line";
    } else if (byte === SPACE || byte === TAB) {
      this.#state = this.#hasHeader ? "value" : "malformed";
    } else {
      this.#nameLength = 0;
      this.#matched = 0;
      this.#state = "name";
      this.#takeName(byte);
    }
  }

  #takeName(byte: number): void {
    if (byte === COLON) {
      this.#state = this.#nameLength === 0 ? "malformed" : "value";
      this.#hasHeader = true;
      if (this.#matched === RECEIVED.length) this.#receivedCount++;
      return;
    }
    if (byte === LF || ++this.#nameLength > MAX_NAME_LENGTH) {
      this.#state = "malformed";
      return;
    }
    // RFC 5322 §4.5: spaces may stand between a name and its colon.
    if (this.#matched === RECEIVED.length && (byte === SPACE || byte === TAB)) return;
    const isMatch = (byte | 0x20) === RECEIVED.charCodeAt(this.#matched);
    this.#matched = this.#matched >= 0 && isMatch ? this.#matched + 1 : -1;
  }
}
