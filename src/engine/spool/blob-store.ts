/**
 * Texts that are too large for the journal: a file each, `blobs/XX/MSGID`, where
 * XX are the first two digits of the msgid.
 *
 * A blob is written as it arrives, and made durable, with its name, when its
 * `accepted` entry is about to be committed; that entry holds its length and
 * checksum. A blob that no entry names is left over from a crash and may go.
 */
import { dirname } from "node:path/posix";
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import { checksum } from "./checksum.ts";
import type { TextStamp } from "./record-entries.ts";
import { isFull, makeFolderIfMissing, tolerate } from "./file-faults.ts";
import type { Room } from "./room.ts";
import type { Blob, CommitOutcome } from "./spool.ts";

/** What came of making a blob durable. */
export type SealedBlob =
  | { readonly kind: "sealed"; readonly text: TextStamp }
  | { readonly kind: "full" | "failed" };

export class BlobStore {
  readonly #files: Files;
  readonly #folder: string;
  readonly #room: Room;
  readonly #removals = new Set<Promise<void>>();
  readonly #arriving = new Map<string, BlobFile>();
  /** Folders of two digits whose own names are durable. */
  readonly #durableFolders = new Set<string>();

  constructor(files: Files, folder: string, room: Room) {
    this.#files = files;
    this.#folder = folder;
    this.#room = room;
  }

  path(msgid: string): string {
    return `${this.#folderOf(msgid)}/${msgid}`;
  }

  open(msgid: string): Blob {
    const blob = new BlobFile(this.#files, this.path(msgid), this.#room);
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

/** One blob while it arrives. */
class BlobFile {
  readonly #files: Files;
  readonly #path: string;
  readonly #room: Room;
  #file: OpenFile | undefined;
  /** Only a file that we made is ours to unlink. */
  #isOurs = false;
  #bytes = 0;
  #checksum = 0;
  #outcome: CommitOutcome = "durable";
  /** The last operation asked for; the next one waits for it. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(files: Files, path: string, room: Room) {
    this.#files = files;
    this.#path = path;
    this.#room = room;
  }

  get stamp(): TextStamp {
    return { bytes: this.#bytes, checksum: this.#checksum, inBlob: true };
  }

  write(text: readonly Uint8Array[]): Promise<CommitOutcome> {
    return this.#inTurn(async () => {
      const bytes = text.reduce((sum, piece) => sum + piece.length, 0);
      if (!this.#room.has(bytes)) throw new FilesError("ENOSPC", "Only the reserve is left");
      this.#room.spend(bytes);
      this.#file ??= await this.#create();
      await this.#file.write(text, this.#bytes);
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
    return file;
  }
}

function outcomeOf(error: unknown): "full" | "failed" {
  if (!(error instanceof FilesError)) throw error;
  return isFull(error) ? "full" : "failed";
}
