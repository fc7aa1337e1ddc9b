/**
 * The start of a blob that is compressed or encrypted; its chunks follow (text-chunks.ts).
 * A blob in the form "raw" has none of it.
 *
 *   0  magic     "PRBLOB", format 1
 *   8  checksum  of the rest
 *  12  key id    8 bytes, zeros if it is not encrypted
 *  20  salt      32 bytes, of the key of this blob alone
 */
import { checksum } from "./checksum.ts";
import { KEY_ID_DIGITS, type KeyUse, SALT_BYTES } from "./queue-keys.ts";
import type { ChunkPlace } from "./text-chunks.ts";

const MAGIC: Uint8Array = new Uint8Array([...new TextEncoder().encode("PRBLOB"), 0, 1]);
const KEY_AT = 12;
const SALT_AT: number = KEY_AT + KEY_ID_DIGITS / 2;
export const BLOB_HEADER_BYTES: number = SALT_AT + SALT_BYTES;
const NO_KEY: string = "0".repeat(KEY_ID_DIGITS);

export function encodeBlobHeader(encryption: KeyUse | undefined): Uint8Array {
  const header = new Uint8Array(BLOB_HEADER_BYTES);
  header.set(MAGIC);
  if (encryption !== undefined) {
    header.set(Buffer.from(encryption.keyId, "hex"), KEY_AT);
    header.set(encryption.salt, SALT_AT);
  }
  new DataView(header.buffer).setUint32(8, checksum(header.subarray(KEY_AT)));
  return header;
}

/** How the blob is encrypted, undefined if it is not. */
export function readBlobHeader(header: Uint8Array): KeyUse | undefined | "damaged" {
  if (header.length < BLOB_HEADER_BYTES) return "damaged";
  const bytes = Buffer.from(header.buffer, header.byteOffset, BLOB_HEADER_BYTES);
  const isOurs = bytes.subarray(0, MAGIC.length).equals(MAGIC);
  if (!isOurs || bytes.readUInt32BE(8) !== checksum(bytes.subarray(KEY_AT))) return "damaged";
  const keyId = bytes.toString("hex", KEY_AT, SALT_AT);
  return keyId === NO_KEY ? undefined : { keyId, salt: bytes.subarray(SALT_AT) };
}

/** What the key of a blob is bound to. */
export function blobFileName(msgid: string): string {
  return `blob ${msgid}`;
}

/** Chunks of a blob are numbered: one that is missing, doubled or moved does not decrypt. */
export function blobChunkPlace(index: number): ChunkPlace {
  return { at: 0, number: index, offset: 0 };
}
