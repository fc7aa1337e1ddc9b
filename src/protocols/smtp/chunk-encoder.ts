/** The text of a message behind BDAT, which is sent as it is. Source: RFC 3030 §2. */
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** In the place of a DataEncoder. */
export class ChunkEncoder {
  push(text: Uint8Array): Uint8Array {
    return text;
  }

  end(): Uint8Array {
    return NO_BYTES;
  }
}
