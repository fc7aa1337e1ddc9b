/**
 * Finds the text of a message that is not finished: in memory if it was accepted
 * lately, else where the ledger says, which may change while it is looked for.
 */
import { type Files, FilesError, type ReadableFile } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";
import type { Observe } from "#model/events.ts";
import type { BlobStore } from "./blob-store.ts";
import type { Ledger } from "./ledger.ts";
import type { LiveMessage } from "./live-message.ts";
import { tolerate } from "./file-faults.ts";
import type { Keyring } from "./queue-keys.ts";
import { DAMAGED_TEXT, readStoredText, type TextPlace } from "./stored-text.ts";
import { FileWindow } from "./file-window.ts";
import type { OpenSegments } from "./open-segments.ts";
import { type TextStamp, textOf } from "./record-entries.ts";
import { readRecordAt } from "./segment-scan.ts";
import type { TextCache } from "./text-cache.ts";

/** Read at once: most records are smaller. */
const RECORD_BYTES = 8192;
/** How often a text is looked for again that moved while it was being opened. */
const MAX_MOVES = 3;

export interface TextSourceParts {
  readonly files: Files;
  readonly observe: Observe;
  readonly ledger: Ledger;
  readonly blobs: BlobStore;
  readonly cache: TextCache;
  readonly segments: OpenSegments;
  readonly keys: Keyring;
}

/** A text in an open file; `close` is called once. */
interface OpenText {
  readonly file: ReadableFile;
  readonly close: () => Promise<void>;
  readonly path: string;
  readonly place: TextPlace;
  readonly stamp: TextStamp;
}

export class TextSource {
  readonly #parts: TextSourceParts;

  constructor(parts: TextSourceParts) {
    this.#parts = parts;
  }

  /** See Spool.text. */
  text(msgid: string): MessageText {
    return {
      bytes: this.#parts.ledger.get(msgid)?.textBytes ?? 0,
      chunks: () => this.#chunks(msgid),
    };
  }

  async *#chunks(msgid: string): AsyncGenerator<Uint8Array> {
    const cached = this.#parts.cache.get(msgid);
    if (cached !== undefined) {
      yield* cached;
      return;
    }
    const { file, close, path, place, stamp } = await this.#open(msgid);
    try {
      yield* readStoredText(file, place, stamp);
    } catch (error) {
      if (error instanceof FilesError && error.code === DAMAGED_TEXT) {
        this.#tell(msgid, path, place.kind === "blob" ? 0 : place.textAt);
      }
      throw error;
    } finally {
      await tolerate(close());
    }
  }

  async #open(msgid: string): Promise<OpenText> {
    const { ledger } = this.#parts;
    for (let moves = 0; ; moves++) {
      const message = ledger.get(msgid);
      if (message === undefined) throw new FilesError("ENOENT", `Cannot read text: no ${msgid}`);
      try {
        return await this.#openAt(message);
      } catch (error) {
        // It may have been restated in another segment while this one was being opened.
        const now = ledger.get(msgid);
        const hasMoved = now?.segment !== message.segment || now.at !== message.at;
        if (!(error instanceof FilesError) || !hasMoved || moves === MAX_MOVES) throw error;
      }
    }
  }

  /** Opens the file with a text, by what the message's record says of it. */
  async #openAt(message: LiveMessage): Promise<OpenText> {
    const { msgid, segment, at } = message;
    const { path } = segment;
    const { read, close } = await this.#parts.segments.open(segment);
    const window = new FileWindow({ read }, RECORD_BYTES);
    try {
      const { stamp, textAt } = await this.#find(window, message);
      if (!stamp.inBlob) {
        // A small text came with its record.
        const place: TextPlace = { kind: "segment", segment, at, textAt };
        return { file: window, close, path, stamp, place };
      }
      const blob = await this.#openBlob(msgid, stamp);
      await close();
      return blob;
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** What the record says. */
  async #find(
    window: FileWindow,
    { msgid, segment, at }: LiveMessage,
  ): Promise<{ readonly stamp: TextStamp; readonly textAt: number }> {
    const record = await readRecordAt(window, { segment, at, end: segment.bytes });
    const found = record && textOf(record, msgid);
    if (found !== undefined) return found;
    this.#tell(msgid, segment.path, at);
    throw new FilesError(DAMAGED_TEXT, `Cannot read text: the record of ${msgid} is damaged`);
  }

  async #openBlob(msgid: string, stamp: TextStamp): Promise<OpenText> {
    const { files, blobs, keys } = this.#parts;
    const path = blobs.path(msgid);
    const file = await files.open(path, "read");
    const place: TextPlace = { kind: "blob", msgid, keys };
    return { file, close: () => file.close(), path, stamp, place };
  }

  #tell(msgid: string, file: string, offset: number): void {
    const reason = `the text of ${msgid} is not what was accepted`;
    this.#parts.observe({ kind: "spool-damage", file, offset, reason });
  }
}
