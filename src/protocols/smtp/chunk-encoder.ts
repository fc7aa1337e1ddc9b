/**
 * The text of a message behind BDAT. Octets that are no lines are sent as they are; of lines, a
 * CR or LF that stands alone is mended as for DATA, since none may be sent, and a last line
 * without its end stays one.
 *
 * Source: RFC 3030 §2, §3; RFC 5321 §2.3.8.
 */
import { DataEncoder } from "./data-encoder.ts";

/** What BODY says of a text: anything but BINARYMIME is lines. */
export type ChunkedBody = "lines" | "octets";

/** Encodes one message; make a new one for each. */
export class ChunkEncoder {
  readonly #lines: DataEncoder | undefined;

  constructor(body: ChunkedBody) {
    this.#lines = body === "lines" ? new DataEncoder("plain") : undefined;
  }

  /** @param text borrowed; the result may be a view of it, and differs in length where a line was mended. */
  push(text: Uint8Array): Uint8Array {
    return this.#lines?.push(text) ?? text;
  }
}
