/**
 * Finds the text of a message that is not finished: in memory if it was accepted
 * lately, else where the ledger says, which may change while it is looked for.
 */
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";
import type { Observe } from "#model/events.ts";
import type { BlobStore } from "./blob-store.ts";
import type { Ledger, LiveMessage } from "./ledger.ts";
import { tolerate } from "./file-faults.ts";
import type { Keyring } from "./queue-keys.ts";
import { DAMAGED_TEXT, readStoredText, type TextPlace } from "./stored-text.ts";
import type { TextCache } from "./text-cache.ts";

/** How often a text is looked for again that moved while it was being opened. */
const MAX_MOVES = 3;

export interface TextSourceParts {
  readonly files: Files;
  readonly observe: Observe;
  readonly ledger: Ledger;
  readonly blobs: BlobStore;
  readonly cache: TextCache;
  readonly keys: Keyring;
}

export class TextSource {
  readonly #parts: TextSourceParts;

  constructor(parts: TextSourceParts) {
    this.#parts = parts;
  }

  /** See Spool.text. */
  text(msgid: string): MessageText {
    return {
      bytes: this.#parts.ledger.get(msgid)?.text.bytes ?? 0,
      chunks: () => this.#chunks(msgid),
    };
  }

  async *#chunks(msgid: string): AsyncGenerator<Uint8Array> {
    const cached = this.#parts.cache.get(msgid);
    if (cached !== undefined) {
      yield* cached;
      return;
    }
    const { file, message } = await this.#open(msgid);
    try {
      yield* readStoredText(file, this.#placeOf(message), message.text);
    } catch (error) {
      if (error instanceof FilesError && error.code === DAMAGED_TEXT) this.#tell(message);
      throw error;
    } finally {
      await tolerate(file.close());
    }
  }

  async #open(msgid: string): Promise<{ readonly file: OpenFile; readonly message: LiveMessage }> {
    const { files, ledger } = this.#parts;
    for (let moves = 0; ; moves++) {
      const message = ledger.get(msgid);
      if (message === undefined) throw new FilesError("ENOENT", `Cannot read text: no ${msgid}`);
      try {
        return { file: await files.open(this.#pathOf(message), "read"), message };
      } catch (error) {
        // It may have been restated in another segment while this one was being opened.
        const hasMoved = ledger.get(msgid) !== message;
        if (!(error instanceof FilesError) || !hasMoved || moves === MAX_MOVES) throw error;
      }
    }
  }

  #tell(message: LiveMessage): void {
    this.#parts.observe({
      kind: "spool-damage",
      file: this.#pathOf(message),
      offset: message.text.inBlob ? 0 : message.textAt,
      reason: `the text of ${message.msgid} does not match its checksum`,
    });
  }

  #placeOf({ msgid, text, segment, at, textAt }: LiveMessage): TextPlace {
    return text.inBlob
      ? { kind: "blob", msgid, keys: this.#parts.keys }
      : { kind: "segment", segment, at, textAt };
  }

  #pathOf(message: LiveMessage): string {
    return message.text.inBlob ? this.#parts.blobs.path(message.msgid) : message.segment.path;
  }
}
