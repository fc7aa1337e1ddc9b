/**
 * A spool as it lies on the disk, for reading: `smtpctl show queue` while the daemon is down,
 * `smtpctl spool verify` and `export`. It changes nothing: no recovery, no quarantine, no lock. So
 * a daemon that works meanwhile may take files away from under it: a text is then not there.
 *
 * What it finds is what the daemon would find at its start, but for what the daemon would still
 * be writing. Bounded by the number of unfinished messages, whose heads are in memory.
 */
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";
import { compareWithJournal, type FoundJournal } from "./checkpoint-check.ts";
import { Checkpoint, UnusableCheckpoint } from "./checkpoint-reader.ts";
import { tolerate } from "./file-faults.ts";
import { FileWindow } from "./file-window.ts";
import { MissingKeys } from "./missing-keys.ts";
import type { Keyring } from "./queue-keys.ts";
import type { RecordEntry, TextStamp } from "./record-entries.ts";
import type { Segment } from "./segment.ts";
import { type FoundSegment, missingAt, SegmentFinder } from "./segment-reading.ts";
import { type RecordFinding, scanSegment } from "./segment-scan.ts";
import type { StoredMessage } from "./spool.ts";
import { readStoredText } from "./stored-text.ts";
import { Unfinished, untried } from "./unfinished.ts";
import { newerRecord, UnusableSpool } from "./unusable-spool.ts";

export interface SpoolViewParts {
  readonly files: Files;
  readonly folder: string;
  readonly keys: Keyring;
}

/** Bytes that are not what was written; `offset` is where they, or their record, start. */
export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
}

export type OpenedView =
  | { readonly kind: "opened"; readonly view: SpoolView }
  | { readonly kind: "unusable"; readonly reason: string };

/** Where the text of a message is. */
interface StoredPlace {
  readonly segment: Segment;
  readonly at: number;
  readonly textAt: number;
  readonly text: TextStamp;
}

/** Reads the journal. */
export async function viewSpool(parts: SpoolViewParts): Promise<OpenedView> {
  try {
    const view = new SpoolView(parts);
    await view.read();
    return { kind: "opened", view };
  } catch (error) {
    if (!(error instanceof FilesError) && !(error instanceof UnusableSpool)) throw error;
    return { kind: "unusable", reason: error.message };
  }
}

export class SpoolView {
  readonly #parts: SpoolViewParts;
  readonly #damages: Damage[] = [];
  readonly #warnings: string[] = [];
  readonly #places = new Map<string, StoredPlace>();
  #messages: readonly StoredMessage[] = [];

  constructor(parts: SpoolViewParts) {
    this.#parts = parts;
  }

  /** What is not finished, in the order of acceptance. */
  get messages(): readonly StoredMessage[] {
    return this.#messages;
  }

  /** What was met so far. */
  get damages(): readonly Damage[] {
    return this.#damages;
  }

  /** What is not damage, but by which mail may be missing. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Must be called first. @throws {FilesError | UnusableSpool} */
  async read(): Promise<void> {
    const { files, folder, keys } = this.#parts;
    await files.list(`${folder}/journal`).catch((error: unknown) => {
      if (!(error instanceof FilesError) || error.code !== "ENOENT") throw error;
      throw new UnusableSpool(`${folder}: there is no spool here`);
    });
    const finder = new SegmentFinder({
      files,
      keys,
      observe: (event) => event.kind === "warning" && this.#warnings.push(event.text),
      journalFolder: `${folder}/journal`,
      headerless: {
        keep: async (file, reason) => this.#damages.push({ file, offset: 0, reason }),
        drop: async (file) =>
          this.#warnings.push(`${file} is empty: it was just being made, or has lost what it had`),
      },
    });
    const unfinished = new Unfinished();
    const found = await finder.find();
    await this.#compareWithCheckpoint({ found, highest: finder.highest });
    for (const each of found) await this.#readSegment(each, unfinished);
    this.#messages = unfinished.take();
    const missing = new MissingKeys(keys);
    for (const { message } of this.#messages) {
      missing.look(this.#places.get(message.msgid)?.text.keyId, this.#blobPath(message.msgid));
    }
    missing.refuse();
  }

  text(msgid: string): MessageText {
    return {
      bytes: this.#places.get(msgid)?.text.bytes ?? 0,
      chunks: () => this.#chunks(msgid),
    };
  }

  /** Reads the text of a message to its end, and notes what is wrong with it. */
  async checkText(msgid: string): Promise<void> {
    try {
      const pieces = this.#chunks(msgid);
      while ((await pieces.next()).done !== true);
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      const place = this.#places.get(msgid);
      const inBlob = place === undefined || place.text.inBlob;
      const file = inBlob ? this.#blobPath(msgid) : place.segment.path;
      const reason = `the text of ${msgid}: ${error.message}`;
      this.#damages.push({ file, offset: inBlob ? 0 : place.textAt, reason });
    }
  }

  /** The last segments may be gone without a trace in those before them: a checkpoint knows some of them. */
  async #compareWithCheckpoint(journal: FoundJournal): Promise<void> {
    const { files, folder, keys } = this.#parts;
    let checkpoint: Checkpoint | undefined;
    try {
      checkpoint = await Checkpoint.open(files, folder, keys);
      const covered = await checkpoint?.covered();
      if (checkpoint !== undefined && covered !== undefined)
        compareWithJournal({ end: checkpoint.end, covered }, journal);
      // A spool keeps its last segment, unless it has just been compacted to nothing.
      if (journal.highest === 0 && covered?.messages !== 0)
        this.#warnings.push("The journal has no segment: there was no mail yet, or it is gone");
    } catch (error) {
      if (!(error instanceof UnusableCheckpoint) && !(error instanceof FilesError)) throw error;
      this.#warnings.push(`The checkpoint of the spool cannot be used: ${error.message}`);
    } finally {
      await checkpoint?.close();
    }
  }

  async #readSegment(found: FoundSegment, unfinished: Unfinished): Promise<void> {
    const { segment } = found;
    const file = segment.path;
    for (const reason of missingAt(found)) {
      this.#damages.push({ file, offset: segment.bytes, reason });
    }
    const stretch = { from: 0, end: segment.bytes };
    await withFile(this.#parts.files, file, async (open) => {
      for await (const finding of scanSegment(new FileWindow(open), segment, stretch, "checked")) {
        if (finding.kind === "record") this.#fold(segment, finding, unfinished);
        else if (finding.kind === "newer") throw newerRecord(file, finding.at);
        // At the end of the last one it may also be a write under way, of which nobody was told.
        else this.#damages.push({ file, offset: finding.at, reason: finding.reason });
      }
    });
  }

  #fold(segment: Segment, { at, textsAt, entries }: RecordFinding, unfinished: Unfinished): void {
    let textAt = textsAt;
    for (const entry of entries) {
      if (entry.kind === "accepted" || entry.kind === "restated") {
        this.#places.set(entry.message.msgid, { segment, at, textAt, text: entry.text });
        if (!entry.text.inBlob) textAt += entry.text.storedBytes;
      }
      const finished = applied(entry, unfinished);
      if (finished !== undefined) this.#places.delete(finished);
    }
  }

  async *#chunks(msgid: string): AsyncGenerator<Uint8Array> {
    const found = this.#places.get(msgid);
    if (found === undefined) throw new FilesError("ENOENT", `Cannot read text: no ${msgid}`);
    const { segment, at, textAt, text } = found;
    const path = text.inBlob ? this.#blobPath(msgid) : segment.path;
    const file = await this.#parts.files.open(path, "read");
    try {
      yield* readStoredText(
        file,
        text.inBlob
          ? { kind: "blob", msgid, keys: this.#parts.keys }
          : { kind: "segment", segment, at, textAt },
        text,
      );
    } finally {
      await tolerate(file.close());
    }
  }

  #blobPath(msgid: string): string {
    return `${this.#parts.folder}/blobs/${msgid.slice(0, 2)}/${msgid}`;
  }
}

/** Applies one entry; returns the message that it finished, if it did. */
function applied(entry: RecordEntry, unfinished: Unfinished): string | undefined {
  if (entry.kind === "restated") unfinished.restore(entry);
  else if (entry.kind === "accepted") {
    unfinished.restore({ message: entry.message, envelopes: entry.envelopes.map(untried) });
  } else return unfinished.apply(entry);
  return unfinished.has(entry.message.msgid) ? undefined : entry.message.msgid;
}

async function withFile(
  files: Files,
  path: string,
  use: (file: OpenFile) => Promise<void>,
): Promise<void> {
  const file = await files.open(path, "read");
  try {
    await use(file);
  } finally {
    await tolerate(file.close());
  }
}
