/**
 * Reads a checkpoint, from its start to its end, as often as is asked for. Whatever is
 * wrong with it is a reason not to use it, and no more than that.
 */
import { decode } from "#base/codec.ts";
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import { Block, type CheckpointEntry } from "./checkpoint-block.ts";
import {
  CHECKPOINT_FORMAT,
  CHECKPOINT_MAGIC,
  CHECKPOINT_NAME,
  type CheckpointHead,
  checkpointHeadCodec,
  checkpointPath,
} from "./checkpoint-format.ts";
import { SharedValues } from "./checkpoint-shared.ts";
import type { Covered } from "./checkpoint-writer.ts";
import type { Cipher } from "./cipher.ts";
import { tolerate } from "./file-faults.ts";
import { FileWindow } from "./file-window.ts";
import type { Position } from "./live-message.ts";
import type { Keyring } from "./queue-keys.ts";
import {
  decryptHead,
  type Frame,
  isWhole,
  MAX_FRAME_BYTES,
  MAX_HEAD_BYTES,
  readFrame,
} from "./record.ts";
import { HEADER_BYTES, readHeader } from "./segment-header.ts";
import { CHUNK_HEADER_BYTES, isChunkWhole, readChunkHeader, readPiece } from "./text-chunks.ts";
import { tolerantRead } from "./tolerant-read.ts";

/** A checkpoint cannot be used; caught by who would use it. */
export class UnusableCheckpoint extends Error {
  override readonly name = "UnusableCheckpoint";
}

/** One record, at `at`; its chunks start at `chunksAt`. */
interface Piece {
  readonly head: CheckpointHead;
  readonly frame: Frame;
  readonly at: number;
  readonly chunksAt: number;
  readonly end: number;
}

export class Checkpoint {
  /** Up to where it covers the journal. */
  readonly end: Position;
  readonly fileBytes: number;
  readonly #file: OpenFile;
  readonly #mark: Uint8Array;
  readonly #cipher: Cipher | undefined;

  private constructor(
    file: OpenFile,
    about: {
      readonly end: Position;
      readonly fileBytes: number;
      readonly mark: Uint8Array;
      readonly cipher: Cipher | undefined;
    },
  ) {
    this.#file = file;
    this.end = about.end;
    this.fileBytes = about.fileBytes;
    this.#mark = about.mark;
    this.#cipher = about.cipher;
  }

  /**
   * Opens the checkpoint in a spool's folder; undefined if there is none. It must be closed.
   *
   * @throws {UnusableCheckpoint | FilesError}
   */
  static async open(files: Files, folder: string, keys: Keyring): Promise<Checkpoint | undefined> {
    let file: OpenFile;
    try {
      file = await files.open(checkpointPath(folder), "read");
    } catch (error) {
      if (error instanceof FilesError && error.code === "ENOENT") return undefined;
      throw error;
    }
    try {
      return await Checkpoint.#read(file, keys);
    } catch (error) {
      await tolerate(file.close());
      throw error;
    }
  }

  static async #read(file: OpenFile, keys: Keyring): Promise<Checkpoint> {
    const header = await tolerantRead(file, 0, HEADER_BYTES);
    const reading = readHeader(header.bytes, CHECKPOINT_MAGIC, [CHECKPOINT_FORMAT]);
    if (reading.kind === "other-format") throw new UnusableCheckpoint(`format ${reading.format}`);
    if (reading.kind === "damaged") throw new UnusableCheckpoint("its header is damaged");
    const { previous, mark, encryption } = reading.header;
    if (previous === undefined) throw new UnusableCheckpoint("it does not say what it covers");
    const cipher = encryption && keys.cipher(encryption, CHECKPOINT_NAME);
    if (encryption !== undefined && cipher === undefined) {
      throw new UnusableCheckpoint(`it is encrypted with the key ${encryption.keyId}`);
    }
    const end = { sequence: previous.sequence, at: previous.bytes };
    const { bytes: fileBytes } = await file.stat();
    return new Checkpoint(file, { end, fileBytes, mark, cipher });
  }

  close(): Promise<void> {
    return tolerate(this.#file.close());
  }

  /** What there was when it was begun. @throws {UnusableCheckpoint | FilesError} */
  async covered(): Promise<Covered> {
    const window = new FileWindow(this.#file);
    const { head } = await this.#piece(window, HEADER_BYTES);
    if (head.kind !== "start") throw new UnusableCheckpoint("it does not start with its segments");
    const { messages, envelopes } = head;
    const segments = head.segments.map(({ sequence, mark }) => ({ sequence, mark: mark.slice() }));
    return { segments, messages, envelopes };
  }

  /**
   * The messages, some at a time; they are read from memory that the next ones take.
   *
   * @throws {UnusableCheckpoint | FilesError} when it meets damage, at the latest at the end.
   */
  async *entries(): AsyncGenerator<readonly CheckpointEntry[]> {
    const window = new FileWindow(this.#file);
    const values = new SharedValues();
    let memory = new Uint8Array(0);
    let { end: at } = await this.#piece(window, HEADER_BYTES);
    let blocks = 0;
    let messages = 0;
    for (;;) {
      const piece = await this.#piece(window, at);
      const { head } = piece;
      if (head.kind === "start") throw new UnusableCheckpoint("it starts twice");
      if (head.kind === "end") {
        if (head.blocks === blocks && head.messages === messages) return;
        throw new UnusableCheckpoint("blocks of it are missing");
      }
      if (memory.length < head.bytes) memory = new Uint8Array(head.bytes);
      const bytes = memory.subarray(0, head.bytes);
      await this.#readBlock(window, piece, bytes);
      const block = Block.read(bytes, head.rowsEnd, values);
      let found = 0;
      for (const some of block?.entries() ?? [undefined]) {
        if (some === undefined) throw malformed(at);
        yield some;
        found += some.length;
      }
      if (found !== head.messages) throw malformed(at);
      blocks++;
      messages += head.messages;
      at = piece.end;
    }
  }

  async #piece(window: FileWindow, at: number): Promise<Piece> {
    const frame = readFrame(await window.view(at, MAX_FRAME_BYTES), this.#mark);
    if (frame === undefined || frame.headBytes > MAX_HEAD_BYTES) throw damaged(at);
    const chunksAt = at + frame.bytes + frame.headBytes;
    const end = chunksAt + frame.textBytes;
    if (end > this.fileBytes) throw damaged(at);
    const framed = await window.view(at, chunksAt - at);
    if (!isWhole(framed, frame)) throw damaged(at);
    const cipher = this.#cipher;
    if ((frame.form === "encrypted") !== (cipher !== undefined)) throw damaged(at);
    const encoded =
      cipher === undefined
        ? framed.subarray(frame.bytes)
        : decryptHead(framed, cipher, { at, number: frame.number });
    const decoded = encoded && decode(checkpointHeadCodec, encoded);
    if (decoded?.kind !== "decoded") throw damaged(at);
    return { head: decoded.value, frame, at, chunksAt, end };
  }

  /** A block as it was before it was cut in chunks. */
  async #readBlock(window: FileWindow, piece: Piece, block: Uint8Array): Promise<void> {
    let done = 0;
    for (let at = piece.chunksAt; at < piece.end; ) {
      const header = readChunkHeader(await window.view(at, CHUNK_HEADER_BYTES));
      if (header === undefined) throw damaged(at);
      const chunkBytes = CHUNK_HEADER_BYTES + header.storedBytes;
      const chunk = await window.view(at, chunkBytes);
      if (at + chunkBytes > piece.end || !isChunkWhole(chunk, header)) throw damaged(at);
      const place = { at: piece.at, number: piece.frame.number, offset: at - piece.at };
      const read = readPiece(chunk, header, this.#cipher && { cipher: this.#cipher, place });
      if (read === undefined || done + read.length > block.length) throw damaged(at);
      block.set(read, done);
      done += read.length;
      at += chunkBytes;
    }
    if (done !== block.length) throw damaged(piece.at);
  }
}

function malformed(at: number): UnusableCheckpoint {
  return new UnusableCheckpoint(`the block at ${at} is malformed`);
}

function damaged(at: number): UnusableCheckpoint {
  return new UnusableCheckpoint(`it is damaged at ${at}`);
}
