/**
 * A stored message on its way to a terminal: lines and tabs stay, everything else
 * that a terminal would obey is written out.
 */
import { printable, printableLines } from "#engine/observe/visible-text.ts";

export class TerminalMessage {
  readonly #decoder = new TextDecoder("utf-8");
  /** A CR at the end of a piece: the LF may be in the next one. */
  #heldCr = "";

  /** The next bytes of the message, as text that may be shown. */
  push(bytes: Uint8Array): string {
    return this.#show(this.#decoder.decode(bytes, { stream: true }));
  }

  end(): string {
    const rest = this.#show(this.#decoder.decode());
    const cr = printable(this.#heldCr);
    this.#heldCr = "";
    return rest + cr;
  }

  #show(decoded: string): string {
    let text = this.#heldCr + decoded;
    this.#heldCr = "";
    if (text.endsWith("\r")) {
      this.#heldCr = "\r";
      text = text.slice(0, -1);
    }
    return printableLines(text.replaceAll("\r\n", "\n"));
  }
}
