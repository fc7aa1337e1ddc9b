/**
 * Texts that are too large for the journal: a file each, `blobs/XX/MSGID`, where
 * XX are the first two digits of the msgid.
 *
 * A blob is written as it arrives, and made durable, with its name, when its
 * `accepted` entry is about to be committed; that entry holds its length and
 * checksum. A blob that no entry names is left over from a crash and may go.
 * It has chunks (text-chunks.ts) if texts are compressed or encrypted: one for each piece that
 * arrives, so that nothing of it has to wait in memory.
 */
import { dirname } from "node:path/posix";
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import { blobChunkPlace, blobFileName, encodeBlobHeader } from "./blob-header.ts";
import { checksum } from "./checksum.ts";
import type { Cipher } from "./cipher.ts";
import type { Keyring, KeyUse } from "./queue-keys.ts";
import type { TextStamp } from "./record-entries.ts";
import { isFull, makeFolderIfMissing, tolerate } from "./file-faults.ts";
import type { Room } from "./room.ts";
import type { Blob, CommitOutcome } from "./spool.ts";
import {
  encryptChunk,
  makeChunk,
  PIECE_BYTES,
  storesRaw,
  type TextStorage,
} from "./text-chunks.ts";

/** What came of making a blob durable. */
export type SealedBlob =
  | { readonly kind: "sealed"; readonly text: TextStamp }
  | { readonly kind: "full" | "failed" };

export class BlobStore {
  readonly #files: Files;
  readonly #folder: string;
  readonly #room: Room;
  readonly #forms: BlobForms;
  readonly #removals = new Set<Promise<void>>();
  readonly #arriving = new Map<string, BlobFile>();
  /** Folders of two digits whose own names are durable. */
  readonly #durableFolders = new Set<string>();

  constructor(files: Files, folder: string, room: Room, forms: BlobForms) {
    this.#files = files;
    this.#folder = folder;
    this.#room = room;
    this.#forms = forms;
  }

  path(msgid: string): string {
    return `${this.#folderOf(msgid)}/${msgid}`;
  }

  open(msgid: string): Blob {
    const form = newForm(msgid, this.#forms);
    const blob = new BlobFile(this.#files, this.path(msgid), this.#room, form);
    this.#arriving.set(msgid, blob);
    return {
      write: (text) => blob.write(text),
      drop: async () => {
        // Once its entry was committed, the blob belongs to the message.
        if (this.#arriving.get(msgid) !== blob) return;
        this.#arriving.delete(msgid);
        await blob.discard();
      },
    };
  }

  /** Makes the blob of `msgid` durable. */
  async seal(msgid: string): Promise<SealedBlob> {
    const blob = this.#arriving.get(msgid);
    if (blob === undefined) throw new TypeError(`Cannot accept ${msgid}: its blob was not opened`);
    const written = await blob.finish();
    if (written !== "durable") return { kind: written };
    try {
      await this.#syncName(msgid);
    } catch (error) {
      return { kind: outcomeOf(error) };
    }
    return { kind: "sealed", text: blob.stamp };
  }

  /** The `accepted` entry of `msgid` was committed or was not. */
  async settle(msgid: string, outcome: CommitOutcome): Promise<void> {
    const blob = this.#arriving.get(msgid);
    this.#arriving.delete(msgid);
    if (outcome !== "durable") await blob?.discard();
  }

  /** Removes the blob of a finished message in the background; one that stays goes at the next start. */
  remove(msgid: string): void {
    const removal = tolerate(this.#files.unlink(this.path(msgid))).finally(() => {
      this.#removals.delete(removal);
    });
    this.#removals.add(removal);
  }

  /** Resolves when every removal under way is over. */
  async idle(): Promise<void> {
    await Promise.all(this.#removals);
  }

  #folderOf(msgid: string): string {
    return `${this.#folder}/${msgid.slice(0, 2)}`;
  }

  async #syncName(msgid: string): Promise<void> {
    const folder = this.#folderOf(msgid);
    await this.#files.syncFolder(folder);
    if (this.#durableFolders.has(folder)) return;
    await this.#files.syncFolder(this.#folder);
    this.#durableFolders.add(folder);
  }
}

/** How new blobs are stored. */
export interface BlobForms {
  readonly storage: TextStorage;
  readonly keys: Keyring;
  readonly random: Random;
}

/** How one blob is stored. */
type BlobForm =
  | { readonly kind: "raw" }
  | {
      readonly kind: "chunks";
      readonly storage: TextStorage;
      readonly encryption: { readonly use: KeyUse; readonly cipher: Cipher } | undefined;
    };

function newForm(msgid: string, { storage, keys, random }: BlobForms): BlobForm {
  if (storesRaw(storage)) return { kind: "raw" };
  const use = keys.newUse(random);
  const cipher = use && keys.cipher(use, blobFileName(msgid));
  return { kind: "chunks", storage, encryption: use && cipher && { use, cipher } };
}

/** One blob while it arrives. */
class BlobFile {
  readonly #files: Files;
  readonly #path: string;
  readonly #room: Room;
  #file: OpenFile | undefined;
  /** Only a file that we made is ours to unlink. */
  #isOurs = false;
  readonly #form: BlobForm;
  /** Of the text, and of the file. */
  #bytes = 0;
  #storedBytes = 0;
  #chunks = 0;
  #checksum = 0;
  #outcome: CommitOutcome = "durable";
  /** The last operation asked for; the next one waits for it. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(files: Files, path: string, room: Room, form: BlobForm) {
    this.#files = files;
    this.#path = path;
    this.#room = room;
    this.#form = form;
  }

  get stamp(): TextStamp {
    const encryption = this.#form.kind === "raw" ? undefined : this.#form.encryption;
    return {
      bytes: this.#bytes,
      checksum: this.#checksum,
      inBlob: true,
      form: encryption === undefined ? this.#form.kind : "encrypted",
      storedBytes: this.#storedBytes,
      keyId: encryption?.use.keyId,
    };
  }

  write(text: readonly Uint8Array[]): Promise<CommitOutcome> {
    return this.#inTurn(async () => {
      const bytes = text.reduce((sum, piece) => sum + piece.length, 0);
      if (!this.#room.has(bytes)) throw new FilesError("ENOSPC", "Only the reserve is left");
      this.#room.spend(bytes);
      this.#file ??= await this.#create();
      await this.#append(this.#file, this.#stored(text));
      this.#bytes += bytes;
      for (const piece of text) this.#checksum = checksum(piece, this.#checksum);
    });
  }

  /** Makes the bytes durable; nothing can be written afterwards. */
  finish(): Promise<CommitOutcome> {
    return this.#inTurn(async () => {
      const file = this.#file ?? (await this.#create());
      this.#file = undefined;
      try {
        await file.sync();
      } finally {
        await tolerate(file.close());
      }
    });
  }

  async discard(): Promise<void> {
    await this.#last;
    if (this.#file !== undefined) await tolerate(this.#file.close());
    this.#file = undefined;
    if (this.#isOurs) await tolerate(this.#files.unlink(this.#path));
  }

  /** Nothing is written twice: after the first failure nothing more is. */
  async #append(file: OpenFile, chunks: readonly Uint8Array[]): Promise<void> {
    await file.write(chunks, this.#storedBytes);
    for (const chunk of chunks) this.#storedBytes += chunk.length;
  }

  #stored(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
    const form = this.#form;
    if (form.kind === "raw") return pieces;
    const text = Buffer.concat(pieces);
    const chunks: Uint8Array[] = [];
    for (let from = 0; from < text.length; from += PIECE_BYTES) {
      const chunk = makeChunk(text.subarray(from, from + PIECE_BYTES), form.storage);
      if (form.encryption)
        encryptChunk(chunk, form.encryption.cipher, blobChunkPlace(this.#chunks));
      this.#chunks++;
      chunks.push(chunk);
    }
    return chunks;
  }

  /** Runs operations one after the other; after the first failure none is run. */
  #inTurn(operation: () => Promise<void>): Promise<CommitOutcome> {
    const turn = this.#last.then(async () => {
      if (this.#outcome !== "durable") return this.#outcome;
      try {
        await operation();
      } catch (error) {
        this.#outcome = outcomeOf(error);
      }
      return this.#outcome;
    });
    this.#last = turn;
    return turn;
  }

  async #create(): Promise<OpenFile> {
    await makeFolderIfMissing(this.#files, dirname(this.#path));
    const file = await this.#files.open(this.#path, "create");
    this.#isOurs = true;
    // What discards this blob closes it also if the header cannot be written.
    this.#file = file;
    if (this.#form.kind === "chunks")
      await this.#append(file, [encodeBlobHeader(this.#form.encryption?.use)]);
    return file;
  }
}

function outcomeOf(error: unknown): "full" | "failed" {
  if (!(error instanceof FilesError)) throw error;
  return isFull(error) ? "full" : "failed";
}
