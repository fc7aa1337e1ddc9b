/**
 * A block of a checkpoint: the rows of some thousand messages (checkpoint-row.ts), and behind
 * them what they have in common, each value once with its length before it.
 */
import { ByteReader, DecodeError } from "#base/byte-reader.ts";
import { ByteWriter } from "#base/byte-writer.ts";
import { copyRow, knownAt, readRow, rowEnd, type RowPlace, writeRow } from "./checkpoint-row.ts";
import { type Shared, sharedCodec, type SharedValues } from "./checkpoint-shared.ts";
import type { KnownMessage } from "./live-message.ts";
import type { Restated } from "./record-entries.ts";

/** Some milliseconds of work. A message with very many envelopes makes a block that is longer. */
export const BLOCK_BYTES: number = 1024 * 1024;
/** Messages that are in memory at a time while a block is read: few enough to die young. */
const MAX_AT_ONCE = 32;

/** A message as it lies in a block. */
export interface CheckpointEntry {
  readonly known: KnownMessage;
  readonly block: Block;
  readonly at: number;
  readonly end: number;
}

/** The message itself; undefined if it does not decode. */
export function messageIn({ block, at, known }: CheckpointEntry): Restated | undefined {
  return block.message(at, known);
}

export class Block {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #place: Omit<RowPlace, "at">;
  readonly #rowsEnd: number;
  /** By number, from 1. */
  readonly #encodedShared: readonly Uint8Array[];

  private constructor(
    bytes: Uint8Array,
    rowsEnd: number,
    shared: readonly Shared[],
    encodedShared: readonly Uint8Array[],
  ) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#rowsEnd = rowsEnd;
    const sharedAt = (number: number): Shared => {
      const value = shared[number - 1];
      if (value === undefined) throw new DecodeError("Nothing has this number");
      return value;
    };
    this.#place = { reader: new ByteReader(bytes), view: this.#view, sharedAt };
    this.#encodedShared = encodedShared;
  }

  /** Undefined if it is none. */
  static read(bytes: Uint8Array, rowsEnd: number, values: SharedValues): Block | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const shared: Shared[] = [];
    const encodedShared: Uint8Array[] = [];
    for (let at = rowsEnd; at < bytes.length; ) {
      if (at + 4 > bytes.length) return undefined;
      const end = at + 4 + view.getUint32(at);
      if (end > bytes.length) return undefined;
      const encoded = bytes.subarray(at + 4, end);
      const value = values.read(encoded);
      if (value === undefined) return undefined;
      shared.push(value);
      encodedShared.push(encoded);
      at = end;
    }
    return new Block(bytes, rowsEnd, shared, encodedShared);
  }

  /** The messages, in order, some at a time; undefined in the place of one that is none, which is the last. */
  *entries(): Generator<readonly CheckpointEntry[] | undefined> {
    let some: CheckpointEntry[] = [];
    for (let at = 0; at < this.#rowsEnd; ) {
      const end = rowEnd(this.#view, at, this.#rowsEnd);
      if (end === undefined) {
        yield undefined;
        return;
      }
      some.push({ known: knownAt(this.#view, at), block: this, at, end });
      at = end;
      if (some.length < MAX_AT_ONCE) continue;
      yield some;
      some = [];
    }
    yield some;
  }

  /** The message of a row; undefined if it does not decode. */
  message(at: number, known: KnownMessage): Restated | undefined {
    try {
      const { reader, view, sharedAt } = this.#place;
      return readRow({ reader, view, sharedAt, at }, known);
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
  }

  row({ at, end }: CheckpointEntry): Uint8Array {
    return this.#bytes.subarray(at, end);
  }

  /** @throws {RangeError} if nothing has the number. */
  encodedShared(number: number): Uint8Array {
    const encoded = this.#encodedShared[number - 1];
    if (encoded === undefined) throw new RangeError(`Nothing has the number ${number}`);
    return encoded;
  }
}

export class BlockWriter {
  readonly #rows = new ByteWriter(BLOCK_BYTES);
  readonly #shared = new ByteWriter();
  readonly #scratch = new ByteWriter();
  /** By what is encoded, as latin1. */
  #numbers = new Map<string, number>();
  #messages = 0;
  /** The block that was copied from last, and its numbers in this one. */
  #copied: { readonly block: Block; readonly numbers: Map<number, number> } | undefined;

  get messages(): number {
    return this.#messages;
  }

  get rowsEnd(): number {
    return this.#rows.length;
  }

  get bytes(): number {
    return this.#rows.length + this.#shared.length;
  }

  /** Views of the block, valid until the next call. */
  pieces(): readonly Uint8Array[] {
    return [this.#rows.written(), this.#shared.written()];
  }

  write(known: KnownMessage, message: Restated): void {
    writeRow(this.#rows, known, message, (shared) => {
      this.#scratch.clear();
      sharedCodec.write(this.#scratch, shared);
      return this.#numberOf(this.#scratch.written());
    });
    this.#messages++;
  }

  copy(entry: CheckpointEntry): void {
    const { block } = entry;
    if (this.#copied?.block !== block) this.#copied = { block, numbers: new Map() };
    const { numbers } = this.#copied;
    copyRow(this.#rows, block.row(entry), (theirs) => {
      let ours = numbers.get(theirs);
      if (ours === undefined) {
        ours = this.#numberOf(block.encodedShared(theirs));
        numbers.set(theirs, ours);
      }
      return ours;
    });
    this.#messages++;
  }

  clear(): void {
    for (const writer of [this.#rows, this.#shared]) writer.clear();
    this.#numbers = new Map();
    this.#messages = 0;
    this.#copied = undefined;
  }

  #numberOf(encoded: Uint8Array): number {
    const key = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length).toString("latin1");
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#shared.u32(encoded.length);
    this.#shared.raw(encoded);
    const number = this.#numbers.size + 1;
    this.#numbers.set(key, number);
    return number;
  }
}
