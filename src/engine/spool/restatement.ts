/**
 * Writes the unfinished messages of a segment again, at the end of the journal,
 * each as one record with its present state.
 *
 * A restatement replaces all that the journal says of a message before it. So it
 * is only written while no entry about the message is under way, and only if
 * nothing changed since its state was read; otherwise the message waits for the
 * next time. Only what lives is read: of a segment that is mostly waste, little.
 */
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import type { Observe } from "#model/events.ts";
import { lostState } from "./lost-state.ts";
import type { Appended, Journal } from "./journal.ts";
import type { Ledger } from "./ledger.ts";
import { type MessageStateParts, stateOf } from "./message-states.ts";
import type { Quarantine } from "./quarantine.ts";
import { type Accepted, frameEntries, type Restated, textOf } from "./record-entries.ts";
import { RecordReader } from "./record-reader.ts";
import type { Segment } from "./segment.ts";
import type { RecordFinding } from "./segment-scan.ts";
import { tolerate } from "./file-faults.ts";
import { DAMAGED_TEXT, readStoredText } from "./stored-text.ts";
import type { TextStorage } from "./text-chunks.ts";
import { lostText, type PackedText, packText } from "./text-packing.ts";

/** Bytes that are written before the next messages are read. */
const MAX_UNDER_WAY_BYTES: number = 1024 * 1024;

export interface RestatementParts {
  readonly files: Files;
  readonly observe: Observe;
  readonly journal: Journal;
  readonly ledger: Ledger;
  readonly quarantine: Quarantine;
  /** How texts are stored by now, whatever it was when they were accepted. */
  readonly storage: TextStorage;
  /** Whether an entry about this message is under way to the journal. */
  readonly isBusy: (msgid: string) => boolean;
  /** Applies a restatement that is durable. */
  readonly settled: (entry: Restated, appended: Appended) => void;
}

/** A segment that is being restated. */
interface Source {
  readonly segment: Segment;
  readonly file: OpenFile;
  readonly states: MessageStateParts;
}

export class Restatement {
  readonly #parts: RestatementParts;
  #underWay: Promise<void>[] = [];
  #underWayBytes = 0;

  constructor(parts: RestatementParts) {
    this.#parts = parts;
  }

  /** Restates what can be; `segment.liveMessages` tells what is left. @throws {FilesError} */
  async restate(segment: Segment): Promise<void> {
    const { files, observe, ledger } = this.#parts;
    const { sequence } = segment;
    const file = await files.open(segment.path, "read");
    const reader = new RecordReader(files, (of) => ledger.segment(of));
    const states = { ledger, reader, lost: lostState(observe, ledger), tail: undefined };
    const source = { segment, file, states };
    try {
      const [from, to] = [sequence, sequence + 1].map((each) => ({ sequence: each, at: 0 }));
      if (from === undefined || to === undefined) return;
      for (const position of ledger.recordsBetween(from, to)) {
        const record = await reader.readNext(position);
        if (record !== undefined) await this.#restateRecord(source, record);
      }
    } finally {
      await tolerate(file.close());
      await reader.close();
      await this.#drain();
    }
  }

  async #restateRecord(source: Source, record: RecordFinding): Promise<void> {
    for (const entry of record.entries) {
      if (entry.kind !== "accepted" && entry.kind !== "restated") continue;
      await this.#restateMessage(source, record, entry);
    }
  }

  async #restateMessage(
    source: Source,
    record: RecordFinding,
    entry: Accepted | Restated,
  ): Promise<void> {
    const { ledger, isBusy, storage } = this.#parts;
    const at = { sequence: source.segment.sequence, at: record.at };
    const knownTry = entry.kind === "accepted" ? () => undefined : () => at;
    const state = await stateOf(source.states, entry, at, knownTry);
    if (state === undefined) return;
    const { stamp, stored } = await this.#text(source, record, entry);
    if (isBusy(entry.message.msgid) || ledger.compare(state.known) !== "same") return;
    const restated: Restated = { ...state.message, text: stamp };
    const framed = frameEntries([restated], stored, storage.encrypts ? "encrypted" : "plain");
    this.#underWayBytes += framed.bytes;
    this.#underWay.push(
      new Promise((resolve) => {
        this.#parts.journal.append(framed, (appended) => {
          this.#parts.settled(restated, appended);
          resolve();
        });
      }),
    );
    if (this.#underWayBytes >= MAX_UNDER_WAY_BYTES) await this.#drain();
  }

  /** The text as it is stored from now on; a blob stays as it is. */
  async #text(
    { segment, file }: Source,
    record: RecordFinding,
    { message, text }: Accepted | Restated,
  ): Promise<PackedText> {
    if (text.inBlob || text.form === "lost") return { stamp: text, stored: [] };
    const textAt = textOf(record, message.msgid)?.textAt ?? record.textsAt;
    const place = { kind: "segment", segment, at: record.at, textAt } as const;
    const pieces: Uint8Array[] = [];
    try {
      for await (const piece of readStoredText(file, place, text)) pieces.push(piece);
    } catch (error) {
      if (!(error instanceof FilesError) || error.code !== DAMAGED_TEXT) throw error;
      // The message goes on without it, so that its segment can go; what is left of it is kept.
      const reason = `the text of ${message.msgid} is not what was accepted`;
      const isKept = await this.#parts.quarantine.copy(segment.path, record, reason);
      if (!isKept) throw error;
      return lostText(text);
    }
    return packText(pieces, this.#parts.storage);
  }

  async #drain(): Promise<void> {
    const underWay = this.#underWay;
    this.#underWay = [];
    this.#underWayBytes = 0;
    await Promise.all(underWay);
  }
}
