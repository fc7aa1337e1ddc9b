/**
 * The spool on disk: a journal for entries and small texts, a file each for large
 * texts. README.md has the states of a message, the layout and the order of syncs.
 */
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import type { MessageText } from "#model/delivery.ts";
import type { Observe } from "#model/events.ts";
import { msgidOf } from "#model/ids.ts";
import { BlobStore, type SealedBlob } from "./blob-store.ts";
import { CHECKPOINT_RECORDS, Checkpoints } from "./checkpoints.ts";
import type { Compression } from "./compression.ts";
import { makeFolderIfMissing } from "./file-faults.ts";
import { type Appended, Journal } from "./journal.ts";
import type { Ledger } from "./ledger.ts";
import type { FinishedMessage } from "./live-message.ts";
import { Quarantine } from "./quarantine.ts";
import { type Keyring, NO_KEYS } from "./queue-keys.ts";
import { OpenSegments } from "./open-segments.ts";
import { fitsOneRecord } from "./record.ts";
import { frameEntries, type RecordEntry, type TextStamp } from "./record-entries.ts";
import { type Release, lockSpool } from "./lock.ts";
import { type Recovered, recover } from "./recovery.ts";
import { RecoveredMessages } from "./recovered-messages.ts";
import { Restatement } from "./restatement.ts";
import { Room } from "./room.ts";
import { UnusableSpool } from "./unusable-spool.ts";
import { Upkeep } from "./upkeep.ts";
import { StartProgress } from "./start-progress.ts";
import type { Durability } from "./segment-writer.ts";
import type { Blob, CommitOutcome, Spool, SpoolEntry, StoredMessage } from "./spool.ts";
import { TextCache } from "./text-cache.ts";
import type { TextStorage } from "./text-chunks.ts";
import { packText } from "./text-packing.ts";
import { TextSource } from "./text-source.ts";
import { checkWritable } from "./writable.ts";

const SEGMENT_BYTES: number = 64 * 1024 * 1024;
const TEXT_CACHE_BYTES: number = 24 * 1024 * 1024;
/** About a gigabyte of memory, with what the queue keeps of them. */
const MAX_ENVELOPES = 4_000_000;
const RESERVE_BYTES: number = 8 * 1024 * 1024;

export interface JournalSpoolOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly observe: Observe;
  /** An existing folder, of which the spool is the only user. */
  readonly folder: string;
  /** "dsync" if left out. */
  readonly durability?: Durability;
  /** 64 MiB if left out. */
  readonly segmentBytes?: number;
  /** Texts kept in memory for first attempts; 24 MiB if left out. */
  readonly textCacheBytes?: number;
  /** Room that new mail must leave; 8 MiB if left out. */
  readonly reserveBytes?: number;
  /** Unfinished envelopes, beyond which new mail is refused; four million if left out. */
  readonly maxEnvelopes?: number;
  /** Records behind a checkpoint before the next, at least; 50,000 if left out. */
  readonly checkpointRecords?: number;
  /** Of texts; "off" if left out. */
  readonly compression?: Compression;
  /** To encrypt with, and to read what was encrypted; none if left out. */
  readonly keys?: Keyring;
}

export type OpenedSpool =
  | { readonly kind: "opened"; readonly spool: Spool }
  /** Nothing was deleted; `reason` says what a person has to look at. */
  | { readonly kind: "unusable"; readonly reason: string };

/** Opens the spool in `folder`, after recovering what an earlier run left. */
export async function openJournalSpool(options: JournalSpoolOptions): Promise<OpenedSpool> {
  try {
    return { kind: "opened", spool: await JournalSpool.open(options) };
  } catch (error) {
    if (!(error instanceof FilesError) && !(error instanceof UnusableSpool)) throw error;
    return { kind: "unusable", reason: error.message };
  }
}

/**
 * Writes the journal of a spool anew, with nothing in it but what is not finished, in the forms and under the
 * key of `options`. Blobs stay as they are.
 *
 * @returns undefined, or why it could not be done; nothing is lost then.
 */
export async function compactSpool(options: JournalSpoolOptions): Promise<string | undefined> {
  try {
    const spool = await JournalSpool.open(options);
    try {
      await spool.compact();
    } finally {
      await spool.close();
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof FilesError) && !(error instanceof UnusableSpool)) throw error;
    return error.message;
  }
}

class JournalSpool implements Spool {
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #blobs: BlobStore;
  readonly #cache: TextCache;
  readonly #texts: TextSource;
  readonly #segments: OpenSegments;
  readonly #room: Room;
  readonly #observe: Observe;
  readonly #maxEnvelopes: number;
  readonly #upkeep: Upkeep;
  readonly #checkpoints: Checkpoints;
  readonly #restatement: Restatement;
  readonly #storage: TextStorage;
  readonly #release: Release;
  /** Batches on their way to the journal, by what will be answered. */
  readonly #underWay = new Map<Promise<CommitOutcome>, readonly SpoolEntry[]>();
  readonly #recovered: RecoveredMessages;
  #state: "open" | "closed" = "open";

  /** @throws {FilesError | UnusableSpool} */
  static async open(options: JournalSpoolOptions): Promise<JournalSpool> {
    const release = await lockSpool(options.files, `${options.folder}/lock`);
    try {
      return await JournalSpool.#recover(options, release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  static async #recover(options: JournalSpoolOptions, release: Release): Promise<JournalSpool> {
    const { files, clock, observe, folder } = options;
    const startedAtMs = clock.monotonicMs();
    const journalFolder = `${folder}/journal`;
    const blobFolder = `${folder}/blobs`;
    const corruptFolder = `${folder}/corrupt`;
    for (const each of [journalFolder, blobFolder, corruptFolder]) {
      await makeFolderIfMissing(files, each);
      await checkWritable(files, each);
    }
    // Also if they were there: a run that died may have made them and not synced.
    await files.syncFolder(folder);
    const room = new Room(options, options.reserveBytes ?? RESERVE_BYTES);
    await room.refresh();
    const keys = options.keys ?? NO_KEYS;
    const storage = { compression: options.compression ?? "off", encrypts: keys.encrypts };
    const forms = { storage, keys, random: options.random };
    const blobs = new BlobStore(files, blobFolder, room, forms);
    const quarantine = new Quarantine(files, corruptFolder, observe);
    const progress = new StartProgress(clock, observe);
    const folders = { folder, journalFolder, blobFolder };
    const parts = { ...folders, files, observe, quarantine, blobs, keys, progress };
    const recovered = await recover(parts);
    observe({
      kind: "spool-recovered",
      messages: recovered.ledger.messages,
      envelopes: recovered.ledger.envelopes,
      tookMs: Math.round(clock.monotonicMs() - startedAtMs),
    });
    const opened = { ...parts, recovered, room, release, storage };
    return new JournalSpool(options, opened);
  }

  private constructor(
    options: JournalSpoolOptions,
    parts: {
      readonly recovered: Recovered;
      readonly blobs: BlobStore;
      readonly quarantine: Quarantine;
      readonly room: Room;
      readonly release: Release;
      readonly keys: Keyring;
      readonly storage: TextStorage;
      readonly journalFolder: string;
      readonly progress: StartProgress;
    },
  ) {
    const { blobs, room, storage, keys } = parts;
    const { ledger, checkpoint, tail, past } = parts.recovered;
    const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    const durability = options.durability ?? "dsync";
    const settings = { ...options, folder: parts.journalFolder, durability, segmentBytes, keys };
    const journal = new Journal(settings, past);
    this.#storage = storage;
    this.#journal = journal;
    this.#ledger = ledger;
    this.#blobs = blobs;
    this.#release = parts.release;
    this.#room = room;
    this.#observe = options.observe;
    this.#maxEnvelopes = options.maxEnvelopes ?? MAX_ENVELOPES;
    this.#cache = new TextCache(options.textCacheBytes ?? TEXT_CACHE_BYTES);
    const segments = new OpenSegments(options.files);
    this.#segments = segments;
    this.#texts = new TextSource({ ...options, ...parts, ledger, segments, cache: this.#cache });
    this.#recovered = new RecoveredMessages({
      ...options,
      ...parts,
      ledger,
      checkpoint,
      tail,
    });
    const restatement = new Restatement({
      ...options,
      ...parts,
      journal,
      ledger,
      isBusy: (msgid) => this.#isBusy(msgid),
      settled: (entry, appended) => this.#settled([entry], appended),
    });
    this.#restatement = restatement;
    const minRecords = options.checkpointRecords ?? CHECKPOINT_RECORDS;
    const checkpointParts = { ...options, keys, ledger, journal, room, minRecords };
    this.#checkpoints = new Checkpoints(checkpointParts, checkpoint);
    const checkpoints = this.#checkpoints;
    const kept = { journal, ledger, segments, restatement, checkpoints };
    const upkeepParts = { ...options, ...kept, segmentBytes };
    this.#upkeep = new Upkeep(upkeepParts);
  }

  async *recovered(): AsyncGenerator<readonly StoredMessage[]> {
    yield* this.#recovered.walk();
    // Not earlier: a start has enough to do.
    this.#upkeep.poke();
  }

  async commit(batch: readonly SpoolEntry[]): Promise<CommitOutcome> {
    if (this.#state === "closed") return "failed";
    if (batch.length === 0) return "durable";
    if (!this.#mayTake(batch)) return "full";
    const committing = this.#commitBatch(batch);
    this.#underWay.set(committing, batch);
    const outcome = await committing;
    this.#underWay.delete(committing);
    this.#upkeep.poke();
    return outcome;
  }

  /** Restates every message and unlinks what was there before; no text was read. @throws {FilesError} */
  async compact(): Promise<void> {
    await this.#upkeep.stop();
    const old = [...this.#journal.segments];
    for (const segment of old) await this.#restatement.restate(segment);
    for (const segment of old) {
      // One that holds something yet, as what is damaged in it could not be copied, keeps those after it.
      if (segment.liveMessages > 0) break;
      this.#ledger.forget(await this.#journal.unlinkOldest());
    }
    // The one that there was may be under another key.
    await this.#checkpoints.writeAtOnce();
  }

  openBlob(msgid: string): Blob {
    return this.#blobs.open(msgid);
  }

  text(msgid: string): MessageText {
    return this.#texts.text(msgid);
  }

  has(msgid: string): boolean {
    return this.#ledger.has(msgid);
  }

  hasRoom(bytes: number): boolean {
    return this.#ledger.envelopes < this.#maxEnvelopes && this.#room.has(bytes);
  }

  async close(): Promise<void> {
    this.#state = "closed";
    await Promise.all(this.#underWay.keys());
    await this.#upkeep.stop();
    await this.#journal.idle();
    await this.#checkpoints.writeLast();
    await this.#journal.close();
    await this.#segments.close();
    await this.#blobs.idle();
    await this.#release();
  }

  /** New mail must leave the reserve alone; results and bounces may use it. */
  #mayTake(batch: readonly SpoolEntry[]): boolean {
    let bytes = 0;
    for (const entry of batch) {
      if (entry.kind !== "accepted") continue;
      if (entry.message.origin.kind === "internal") return true;
      // A blob was held against the room while it was written.
      if (entry.text !== "blob") bytes += entry.message.textBytes;
    }
    return bytes === 0 || this.hasRoom(bytes);
  }

  async #commitBatch(batch: readonly SpoolEntry[]): Promise<CommitOutcome> {
    const stamps = new Map<SpoolEntry, TextStamp>();
    const texts: Uint8Array[] = [];
    let refused: Exclude<SealedBlob["kind"], "sealed"> | undefined;
    for (const entry of batch) {
      if (entry.kind !== "accepted") continue;
      if (entry.text === "blob") {
        // A blob is durable before the record that names it.
        const sealed = await this.#blobs.seal(entry.message.msgid);
        if (sealed.kind === "sealed") stamps.set(entry, sealed.text);
        else refused ??= sealed.kind;
      } else {
        const { stamp, stored } = packText(entry.text, this.#storage);
        stamps.set(entry, stamp);
        texts.push(...stored);
      }
    }
    const outcome = refused ?? (await this.#append(batch, stamps, texts));
    for (const entry of batch) {
      if (entry.kind === "accepted" && entry.text === "blob") {
        await this.#blobs.settle(entry.message.msgid, outcome);
      }
    }
    return outcome;
  }

  #append(
    batch: readonly SpoolEntry[],
    stamps: ReadonlyMap<SpoolEntry, TextStamp>,
    texts: readonly Uint8Array[],
  ): Promise<CommitOutcome> {
    const entries = batch.map((entry): RecordEntry => {
      if (entry.kind !== "accepted") return entry;
      const text = stamps.get(entry);
      if (text === undefined) throw new TypeError("Cannot commit a text without its stamp");
      return { ...entry, text };
    });
    const record = frameEntries(entries, texts, this.#storage.encrypts ? "encrypted" : "plain");
    if (!fitsOneRecord(record)) {
      this.#observe({
        kind: "spool-trouble",
        what: "Cannot commit a batch",
        cause: `${record.bytes} bytes do not fit in one record`,
      });
      return Promise.resolve("failed");
    }
    this.#room.spend(record.bytes);
    return new Promise((resolve) => {
      this.#journal.append(record, (appended) => {
        if (appended.kind === "durable") this.#cacheTexts(batch);
        this.#settled(entries, appended);
        resolve(appended.kind);
      });
    });
  }

  #cacheTexts(batch: readonly SpoolEntry[]): void {
    for (const entry of batch) {
      if (entry.kind === "accepted" && entry.text !== "blob") {
        this.#cache.put(entry.message.msgid, entry.text);
      }
    }
  }

  #settled(entries: readonly RecordEntry[], appended: Appended): void {
    if (appended.kind !== "durable") return;
    for (const finished of this.#ledger.apply(entries, appended.place)) this.#forget(finished);
  }

  #forget({ msgid, inBlob }: FinishedMessage): void {
    this.#cache.drop(msgid);
    if (inBlob) this.#blobs.remove(msgid);
  }

  #isBusy(msgid: string): boolean {
    for (const batch of this.#underWay.values()) {
      for (const entry of batch) {
        const about = entry.kind === "accepted" ? entry.message.msgid : msgidOf(entry.evpid);
        if (about === msgid) return true;
      }
    }
    return false;
  }
}
