/**
 * Writes a checkpoint: to a file of another name, which takes the place of the one before
 * when it is whole and durable. So there is always the old one or the new one.
 *
 * It is synced every few megabytes: one sync of all of it at the end would have
 * the journal's own wait behind it.
 */
import type { Files, OpenFile } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import { BLOCK_BYTES, BlockWriter } from "./checkpoint-block.ts";
import {
  CHECKPOINT_FORMAT,
  CHECKPOINT_MAGIC,
  CHECKPOINT_NAME,
  checkpointPath,
  partialCheckpointPath,
  type CheckpointHead,
  frameCheckpointHead,
} from "./checkpoint-format.ts";
import type { Cipher } from "./cipher.ts";
import { tolerate, unlinkIfThere } from "./file-faults.ts";
import type { Position } from "./live-message.ts";
import type { Keyring, KeyUse } from "./queue-keys.ts";
import { encryptRecord } from "./record.ts";
import { encodeHeader, HEADER_BYTES, randomMark } from "./segment-header.ts";
import { chunksOf } from "./text-chunks.ts";

const SYNC_BYTES: number = 4 * 1024 * 1024;

export interface CheckpointPlace {
  readonly files: Files;
  readonly random: Random;
  readonly keys: Keyring;
  /** The spool's folder. */
  readonly folder: string;
}

/** What there was when it was begun. */
export type Covered = Omit<Extract<CheckpointHead, { kind: "start" }>, "kind">;

export class CheckpointWriter {
  readonly #place: CheckpointPlace;
  readonly #file: OpenFile;
  readonly #mark: Uint8Array;
  readonly #encryption: KeyUse | undefined;
  readonly #cipher: Cipher | undefined;
  readonly #block = new BlockWriter();
  #blocks = 0;
  #messages = 0;
  #bytes = 0;
  #unsyncedBytes = 0;
  #nextNumber = 1;

  private constructor(place: CheckpointPlace, file: OpenFile, encryption: KeyUse | undefined) {
    this.#place = place;
    this.#file = file;
    this.#mark = randomMark(place.random);
    this.#encryption = encryption;
    this.#cipher = encryption && place.keys.cipher(encryption, CHECKPOINT_NAME);
  }

  /**
   * @param end up to where the journal is covered.
   * @throws {FilesError}
   */
  static async create(
    place: CheckpointPlace,
    end: Position,
    covered: Covered,
  ): Promise<CheckpointWriter> {
    const { files, random, keys } = place;
    const path = partialCheckpointPath(place.folder);
    // Of a run that died.
    await unlinkIfThere(files, path);
    const file = await files.open(path, "create");
    const writer = new CheckpointWriter(place, file, keys.newUse(random));
    try {
      await writer.#start(end, covered);
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    return writer;
  }

  /** Of the file, so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Where the next message is written to; `added` comes after each. */
  get block(): BlockWriter {
    return this.#block;
  }

  /** A message was written to the block. True if a block was written to the file. @throws {FilesError} */
  async added(): Promise<boolean> {
    if (this.#block.bytes < BLOCK_BYTES) return false;
    await this.#writeBlock();
    return true;
  }

  /** Makes the checkpoint whole and durable, in the place of the one before. @throws {FilesError} */
  async finish(): Promise<void> {
    const { files, folder } = this.#place;
    if (this.#block.messages > 0) await this.#writeBlock();
    await this.#write({ kind: "end", blocks: this.#blocks, messages: this.#messages }, []);
    await this.#file.sync();
    await tolerate(this.#file.close());
    await files.rename(partialCheckpointPath(this.#place.folder), checkpointPath(folder));
    await files.syncFolder(folder);
  }

  /** Leaves the checkpoint of before as it is. */
  async abandon(): Promise<void> {
    await tolerate(this.#file.close());
    await tolerate(unlinkIfThere(this.#place.files, partialCheckpointPath(this.#place.folder)));
  }

  async #start(end: Position, covered: Covered): Promise<void> {
    const header = {
      sequence: end.sequence,
      mark: this.#mark,
      previous: { sequence: end.sequence, bytes: end.at },
      encryption: this.#encryption,
    };
    await this.#file.write([encodeHeader(header, CHECKPOINT_MAGIC, CHECKPOINT_FORMAT)], 0);
    this.#bytes = HEADER_BYTES;
    await this.#write({ kind: "start", ...covered }, []);
  }

  async #writeBlock(): Promise<void> {
    const { messages, bytes, rowsEnd } = this.#block;
    // Also where texts are not compressed: messages of one queue are much alike.
    const storage = { compression: "zstd", encrypts: this.#cipher !== undefined } as const;
    const chunks = chunksOf(this.#block.pieces(), storage);
    await this.#write({ kind: "block", messages, bytes, rowsEnd }, chunks);
    this.#blocks++;
    this.#messages += messages;
    this.#block.clear();
  }

  async #write(head: CheckpointHead, chunks: readonly Uint8Array[]): Promise<void> {
    const cipher = this.#cipher;
    const record = frameCheckpointHead(head, chunks, cipher === undefined ? "plain" : "encrypted");
    if (cipher !== undefined) {
      encryptRecord(record, cipher, { at: this.#bytes, number: this.#nextNumber++ });
    }
    record.head.set(this.#mark);
    await this.#file.write([record.head, ...record.texts], this.#bytes);
    this.#bytes += record.bytes;
    this.#unsyncedBytes += record.bytes;
    if (this.#unsyncedBytes < SYNC_BYTES) return;
    this.#unsyncedBytes = 0;
    await this.#file.sync();
  }
}
