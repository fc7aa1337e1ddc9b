/**
 * Frames: how values travel on a pipe between processes. Four bytes of length,
 * big-endian, then the value as its codec writes it.
 *
 * The reader never holds more than one frame and one chunk; a length above its
 * bound or bytes that do not decode are a fault, after which it reads no more.
 */
import { ByteWriter } from "#base/byte-writer.ts";
import { type Codec, type DecodeFault, decode } from "#base/codec.ts";

const LENGTH_BYTES = 4;

/** Appends one frame to `writer`. */
export function writeFrame<Value>(writer: ByteWriter, codec: Codec<Value>, value: Value): void {
  const at = writer.length;
  writer.u32(0);
  codec.write(writer, value);
  writer.setU32(at, writer.length - at - LENGTH_BYTES);
}

/** One frame, in a new array that the caller owns. */
export function encodeFrame<Value>(codec: Codec<Value>, value: Value): Uint8Array {
  const writer = new ByteWriter();
  writeFrame(writer, codec, value);
  return writer.written();
}

/** Finds frames in a stream of bytes, however they were split. */
export class FrameReader<Value> {
  readonly #codec: Codec<Value>;
  readonly #maxFrameBytes: number;
  /** Chunks of a frame that is not complete yet. */
  #partial: Uint8Array[] = [];
  #partialBytes = 0;
  /** How many bytes `#partial` must hold before it is worth looking at again. */
  #wantedBytes = LENGTH_BYTES;
  #fault: DecodeFault | undefined;

  constructor(codec: Codec<Value>, maxFrameBytes: number) {
    this.#codec = codec;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Takes the next bytes and hands each complete frame to `take`. Values may hold
   * views of `input`. After a fault every call returns it.
   */
  push(input: Uint8Array, take: (value: Value) => void): DecodeFault | undefined {
    if (this.#fault !== undefined) return this.#fault;
    let bytes = input;
    if (this.#partialBytes > 0) {
      this.#partial.push(input);
      this.#partialBytes += input.length;
      if (this.#partialBytes < this.#wantedBytes) return undefined;
      bytes = Buffer.concat(this.#partial, this.#partialBytes);
      this.#partial = [];
      this.#partialBytes = 0;
    }
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const length = new DataView(bytes.buffer, bytes.byteOffset + at, LENGTH_BYTES).getUint32(0);
      if (length > this.#maxFrameBytes) return this.#fail(`Frame of ${length} bytes`);
      const end = at + LENGTH_BYTES + length;
      if (end > bytes.length) break;
      const decoded = decode(this.#codec, bytes.subarray(at + LENGTH_BYTES, end));
      if (decoded.kind === "decode-fault") return this.#fail(decoded.reason);
      at = end;
      take(decoded.value);
    }
    this.#keep(bytes.subarray(at));
    return undefined;
  }

  #keep(rest: Uint8Array): void {
    this.#wantedBytes = LENGTH_BYTES;
    if (rest.length === 0) return;
    if (rest.length >= LENGTH_BYTES) {
      const length = new DataView(rest.buffer, rest.byteOffset, LENGTH_BYTES).getUint32(0);
      this.#wantedBytes = LENGTH_BYTES + length;
    }
    this.#partial = [rest];
    this.#partialBytes = rest.length;
  }

  #fail(reason: string): DecodeFault {
    this.#partial = [];
    this.#fault = { kind: "decode-fault", reason };
    return this.#fault;
  }
}
