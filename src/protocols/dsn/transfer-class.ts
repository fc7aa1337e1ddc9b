/**
 * Which part of a mail a text may be without being encoded.
 *
 * Source: RFC 2045 §2.7 to §2.9; RFC 5322 §2.1.1 (length of lines).
 */
import { CR, LF, NUL } from "#base/ascii.ts";

/** "binary": it has NULs, lines that are too long, or line ends that are none. */
export type TransferClass = "7bit" | "8bit" | "binary";

const MAX_LINE = 998;
const DEL = 0x7f;

/** Looks at a text as it goes by. */
export class TransferScan {
  #class: TransferClass = "7bit";
  #lineLength = 0;
  #afterCr = false;

  /** Borrows `text`. */
  push(text: Uint8Array): void {
    for (let at = 0; at < text.length && this.#class !== "binary"; at++) {
      const byte = text[at] ?? NUL;
      // CR and LF come as a pair or not at all.
      if (this.#afterCr !== (byte === LF) || byte === NUL) this.#class = "binary";
      this.#afterCr = byte === CR;
      if (byte > DEL && this.#class === "7bit") this.#class = "8bit";
      if (byte === LF) this.#lineLength = 0;
      else if (byte !== CR && ++this.#lineLength > MAX_LINE) this.#class = "binary";
    }
  }

  /** Of what was pushed so far, as a whole text. */
  get transferClass(): TransferClass {
    return this.#afterCr ? "binary" : this.#class;
  }
}

export function transferClassOf(text: Uint8Array): TransferClass {
  const scan = new TransferScan();
  scan.push(text);
  return scan.transferClass;
}
