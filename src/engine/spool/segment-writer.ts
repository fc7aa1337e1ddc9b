/**
 * The segment that is being written. Records go to its end, a group at a time:
 * one vectored write, made durable by fdatasync or by O_DSYNC.
 *
 * A write or sync that failed ends the segment for ever: what the disk has of it
 * then is unknown, and a second sync would say that all is well when it is not.
 * Only a write for which there was no room can be taken back, by truncating.
 */
import { dirname } from "node:path/posix";
import type { Files, OpenFile } from "#base/ports/files.ts";
import { isFull, tolerate } from "./file-faults.ts";
import type { Cipher } from "./cipher.ts";
import { encryptRecord, type FramedRecord } from "./record.ts";
import { emptySegment, type Segment } from "./segment.ts";
import { encodeHeader, HEADER_BYTES, type SegmentHeader } from "./segment-header.ts";

/** How a write is made durable; "dsync" is the faster one (bench/RESULTS.md, "Spool"). */
export type Durability = "dsync" | "fdatasync";

export interface NewSegment {
  readonly header: SegmentHeader;
  /** Undefined if it is not encrypted. */
  readonly cipher: Cipher | undefined;
}

export class SegmentWriter {
  readonly segment: Segment;
  readonly #file: OpenFile;
  readonly #durability: Durability;
  /** Of the next record that is encrypted; counted also for those whose write then failed (cipher.ts). */
  #nextNumber = 1;
  #state: "usable" | "broken" = "usable";

  private constructor(segment: Segment, file: OpenFile, durability: Durability) {
    this.segment = segment;
    this.#file = file;
    this.#durability = durability;
  }

  /**
   * A new segment whose header and name are durable.
   *
   * @throws {FilesError} in which case nothing was left behind that counts.
   */
  static async create(
    files: Files,
    path: string,
    { header, cipher }: NewSegment,
    durability: Durability,
  ): Promise<SegmentWriter> {
    const file = await files.open(path, durability === "dsync" ? "create-dsync" : "create");
    try {
      await file.write([encodeHeader(header)], 0);
      if (durability === "fdatasync") await file.sync();
      await files.syncFolder(dirname(path));
    } catch (error) {
      await tolerate(file.close());
      await tolerate(files.unlink(path));
      throw error;
    }
    const segment = emptySegment(path, header, HEADER_BYTES, cipher);
    return new SegmentWriter(segment, file, durability);
  }

  /** A broken segment can only be abandoned. */
  get isBroken(): boolean {
    return this.#state === "broken";
  }

  /**
   * Writes `records` and makes them durable; `segment.bytes` then covers them.
   *
   * @throws {FilesError} nothing of them may be believed then; see `isBroken`.
   */
  async append(records: readonly FramedRecord[]): Promise<void> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const { cipher } = this.segment;
    for (const record of records) {
      if ((record.form === "encrypted") !== (cipher !== undefined))
        throw new TypeError(`Cannot append a record that is ${record.form}: the segment is not`);
      if (cipher !== undefined) {
        const place = { at: this.segment.bytes + bytes, number: this.#nextNumber++ };
        encryptRecord(record, cipher, place);
      }
      record.head.set(this.segment.mark);
      chunks.push(record.head, ...record.texts);
      bytes += record.bytes;
    }
    this.#state = "broken";
    await this.#write(chunks);
    if (this.#durability === "fdatasync") await this.#file.sync();
    this.segment.bytes += bytes;
    this.#state = "usable";
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    try {
      await this.#file.write(chunks, this.segment.bytes);
    } catch (error) {
      if (isFull(error)) {
        await this.#file.truncate(this.segment.bytes);
        this.#state = "usable";
      }
      throw error;
    }
  }

  /** Gives up the segment behind its last durable record. */
  async abandon(): Promise<void> {
    // Only to free the room; what makes those bytes void is the next segment's header.
    await tolerate(this.#file.truncate(this.segment.bytes));
    await tolerate(this.#file.close());
  }

  /** Everything in it is durable already, so that closing cannot lose anything. */
  async close(): Promise<void> {
    await tolerate(this.#file.close());
  }
}
