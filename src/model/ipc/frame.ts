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
/** A frame of this size that came in several chunks is decoded from them; a smaller one is copied together. */
const MIN_SPLIT_BYTES: number = 16 * 1024;
const NOTHING = new Uint8Array(0);

/** Appends one frame to `writer`. */
export function writeFrame<Value>(writer: ByteWriter, codec: Codec<Value>, value: Value): void {
  const at = writer.length;
  const borrowedBefore = writer.borrowedBytes;
  writer.u32(0);
  codec.write(writer, value);
  const borrowed = writer.borrowedBytes - borrowedBefore;
  writer.setU32(at, writer.length - at - LENGTH_BYTES + borrowed);
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
    if (this.#partialBytes === 0) return this.#readFrames(input, take);
    if (this.#partialBytes + input.length < this.#wantedBytes) {
      this.#partial.push(input);
      this.#partialBytes += input.length;
      return undefined;
    }
    const partial = this.#partial;
    const missingBytes = this.#wantedBytes - this.#partialBytes;
    this.#partial = [];
    this.#partialBytes = 0;
    if (this.#wantedBytes < MIN_SPLIT_BYTES)
      return this.#readFrames(Buffer.concat([...partial, input]), take);
    const [first, ...later] = partial;
    later.push(input.subarray(0, missingBytes));
    const decoded = decode(this.#codec, (first ?? NOTHING).subarray(LENGTH_BYTES), later);
    if (decoded.kind === "decode-fault") return this.#fail(decoded.reason);
    take(decoded.value);
    return this.#readFrames(input.subarray(missingBytes), take);
  }

  /** Takes the frames that lie whole in `bytes`, and keeps what is left. */
  #readFrames(bytes: Uint8Array, take: (value: Value) => void): DecodeFault | undefined {
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
