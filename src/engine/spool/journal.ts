/**
 * The journal: segments, oldest first, and the one at the end that is written.
 *
 * A record is "durable" only when a sync returned for it, in a segment whose name
 * and header are durable. After a failed write or sync the segment is closed for
 * ever; its successor's header says where it ends, before anything in that
 * successor counts, so that what the failed write left behind stays void.
 */
import { type Files, FilesError } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import type { Observe } from "#model/events.ts";
import { isFull, unlinkIfThere } from "./file-faults.ts";
import { GroupCommit } from "./group-commit.ts";
import type { Place } from "./live-message.ts";
import type { Keyring } from "./queue-keys.ts";
import type { FramedRecord } from "./record.ts";
import { type Segment, segmentName } from "./segment.ts";
import { randomMark, type SegmentEnd } from "./segment-header.ts";
import { type Durability, SegmentWriter } from "./segment-writer.ts";

export interface JournalSettings {
  readonly files: Files;
  readonly random: Random;
  readonly observe: Observe;
  readonly folder: string;
  readonly durability: Durability;
  /** With a key to write with, new segments are encrypted. */
  readonly keys: Keyring;
  /** A segment that is this long is followed by the next. */
  readonly segmentBytes: number;
}

/** What earlier runs left, as recovery found it. */
export interface JournalPast {
  readonly segments: readonly Segment[];
  readonly nextSequence: number;
  /** The end of the last segment; the first new header repeats it. */
  readonly end: SegmentEnd | undefined;
}

export type Appended =
  | { readonly kind: "durable"; readonly place: Place }
  | { readonly kind: "full" | "failed" };

interface Append {
  readonly record: FramedRecord;
  readonly bytes: number;
  /** Called once, in the order of the journal; must not throw. */
  readonly settle: (appended: Appended) => void;
}

export class Journal {
  readonly #settings: JournalSettings;
  readonly #segments: Segment[];
  readonly #commits: GroupCommit<Append>;
  #writer: SegmentWriter | undefined;
  #nextSequence: number;
  #previous: SegmentEnd | undefined;
  /** The last trouble that was told, so that a full disk is one event and not thousands. */
  #toldTrouble = "";

  constructor(settings: JournalSettings, past: JournalPast) {
    this.#settings = settings;
    this.#segments = [...past.segments];
    this.#nextSequence = past.nextSequence;
    this.#previous = past.end;
    this.#commits = new GroupCommit((group) => this.#write(group));
  }

  /** All segments, oldest first. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** The oldest segment that nothing is written to any more. */
  get oldestClosed(): Segment | undefined {
    const [oldest] = this.#segments;
    return oldest === this.#writer?.segment ? undefined : oldest;
  }

  /** Puts a record at the end. `settle` is called once, in the order of the calls. */
  append(record: FramedRecord, settle: (appended: Appended) => void): void {
    if (!this.#commits.add({ record, bytes: record.bytes, settle })) settle({ kind: "full" });
  }

  /** Unlinks the oldest segment, durably. @throws {FilesError} */
  async unlinkOldest(): Promise<Segment> {
    const { files, folder } = this.#settings;
    const oldest = this.oldestClosed;
    if (oldest === undefined) throw new TypeError("Cannot unlink: no segment is closed");
    await unlinkIfThere(files, oldest.path);
    // Before the next one goes: the records in it may tell that a message here is finished.
    await files.syncFolder(folder);
    this.#segments.shift();
    return oldest;
  }

  /** Resolves when nothing waits to be written. */
  idle(): Promise<void> {
    return this.#commits.idle();
  }

  /** Must be called last. */
  async close(): Promise<void> {
    await this.idle();
    await this.#writer?.close();
    this.#writer = undefined;
  }

  async #write(group: readonly Append[]): Promise<void> {
    try {
      this.#writer ??= await this.#startSegment();
      const { segment } = this.#writer;
      let at = segment.bytes;
      await this.#writer.append(group.map(({ record }) => record));
      this.#toldTrouble = "";
      for (const { record, settle } of group) {
        settle({ kind: "durable", place: { segment, at, bytes: record.bytes } });
        at += record.bytes;
      }
      if (segment.bytes >= this.#settings.segmentBytes) await this.#endSegment();
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      if (this.#writer?.isBroken === true) await this.#endSegment();
      this.#tell(error);
      const kind = isFull(error) ? "full" : "failed";
      for (const { settle } of group) settle({ kind });
    }
  }

  async #startSegment(): Promise<SegmentWriter> {
    const { files, folder, random, durability, keys } = this.#settings;
    const sequence = this.#nextSequence++;
    const mark = randomMark(random);
    const name = segmentName(sequence);
    const encryption = keys.newUse(random);
    const header = { sequence, mark, previous: this.#previous, encryption };
    const cipher = encryption && keys.cipher(encryption, name);
    const segment = { header, cipher };
    const writer = await SegmentWriter.create(files, `${folder}/${name}`, segment, durability);
    this.#segments.push(writer.segment);
    this.#previous = undefined;
    return writer;
  }

  /** No record follows in this segment; the next one's header will say where it ended. */
  async #endSegment(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#writer = undefined;
    this.#previous = { sequence: writer.segment.sequence, bytes: writer.segment.bytes };
    if (writer.isBroken) await writer.abandon();
    else await writer.close();
  }

  #tell(error: FilesError): void {
    if (this.#toldTrouble === error.code) return;
    this.#toldTrouble = error.code;
    this.#settings.observe({
      kind: "spool-trouble",
      what: "Cannot write the journal",
      cause: error.message,
    });
  }
}
