/**
 * Writes the unfinished messages of a segment again, at the end of the journal,
 * each as one record with its present state.
 *
 * A restatement replaces all that the journal says of a message before it. So it
 * is only written while no entry about the message is under way, and only if
 * nothing changed since its state was read; otherwise the message waits for the
 * next time.
 */
import type { Files, OpenFile } from "#base/ports/files.ts";
import { FileWindow } from "./file-window.ts";
import type { Appended, Journal } from "./journal.ts";
import type { EnvelopeState, Ledger, LiveMessage } from "./ledger.ts";
import {
  type Accepted,
  frameEntries,
  type RecordEntry,
  type Restated,
  type TextStamp,
} from "./record-entries.ts";
import type { Segment } from "./segment.ts";
import { type Finding, readRecordAt, scanSegment } from "./segment-scan.ts";
import { tolerate } from "./file-faults.ts";
import type { StoredEnvelope } from "./spool.ts";
import { readStoredText } from "./stored-text.ts";
import type { TextStorage } from "./text-chunks.ts";
import { type PackedText, packText } from "./text-packing.ts";
import { untried } from "./unfinished.ts";

/** Bytes that are written before the next messages are read. */
const MAX_UNDER_WAY_BYTES: number = 1024 * 1024;
/** Read at once where only the state of an envelope is wanted. */
const STATE_WINDOW_BYTES = 4096;

export interface RestatementParts {
  readonly files: Files;
  readonly journal: Journal;
  readonly ledger: Ledger;
  /** How texts are stored by now, whatever it was when they were accepted. */
  readonly storage: TextStorage;
  /** Whether an entry about this message is under way to the journal. */
  readonly isBusy: (msgid: string) => boolean;
  /** Applies a restatement that is durable. */
  readonly settled: (entry: Restated, appended: Appended) => void;
}

type RecordFinding = Extract<Finding, { kind: "record" }>;

/** A message and the states of its open envelopes, as they were when they were read. */
interface Snapshot {
  readonly live: LiveMessage;
  readonly states: ReadonlyMap<string, EnvelopeState>;
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
    const file = await this.#parts.files.open(segment.path, "read");
    try {
      const findings = scanSegment(new FileWindow(file), segment, segment.bytes);
      for await (const finding of findings) {
        if (finding.kind === "record") await this.#restateRecord(segment, file, finding);
      }
    } finally {
      await tolerate(file.close());
      await this.#drain();
    }
  }

  async #restateRecord(segment: Segment, file: OpenFile, finding: RecordFinding): Promise<void> {
    for (const entry of finding.entries) {
      if (entry.kind !== "accepted" && entry.kind !== "restated") continue;
      const live = this.#parts.ledger.get(entry.message.msgid);
      if (live === undefined || live.segment !== segment || live.at !== finding.at) continue;
      await this.#restateMessage(entry, live, file);
    }
  }

  async #restateMessage(
    entry: Accepted | Restated,
    live: LiveMessage,
    file: OpenFile,
  ): Promise<void> {
    const snapshot = this.#snapshot(entry, live);
    const envelopes = await this.#states(entry, snapshot);
    const { stamp, stored } = await this.#text(entry.text, live, file);
    if (envelopes === undefined || this.#changed(snapshot)) return;
    const restated: Restated = { ...entry, kind: "restated", envelopes, text: stamp };
    const form = this.#parts.storage.encrypts ? "encrypted" : "plain";
    const record = frameEntries([restated], stored, form);
    this.#underWayBytes += record.bytes;
    this.#underWay.push(
      new Promise((resolve) => {
        this.#parts.journal.append(record, (appended) => {
          this.#parts.settled(restated, appended);
          resolve();
        });
      }),
    );
    if (this.#underWayBytes >= MAX_UNDER_WAY_BYTES) await this.#drain();
  }

  /** The text as it is stored from now on; a blob stays as it is. */
  async #text(text: TextStamp, live: LiveMessage, file: OpenFile): Promise<PackedText> {
    if (text.inBlob) return { stamp: text, stored: [] };
    const { segment, at, textAt } = live;
    const place = { kind: "segment", segment, at, textAt } as const;
    const pieces: Uint8Array[] = [];
    for await (const piece of readStoredText(file, place, text)) pieces.push(piece);
    return packText(pieces, this.#parts.storage);
  }

  #snapshot(entry: Accepted | Restated, live: LiveMessage): Snapshot {
    const states = new Map<string, EnvelopeState>();
    for (const evpid of entry.envelopes.map(evpidOf)) {
      const state = this.#parts.ledger.envelope(evpid);
      if (state !== undefined) states.set(evpid, state);
    }
    return { live, states };
  }

  #changed({ live, states }: Snapshot): boolean {
    const { ledger, isBusy } = this.#parts;
    if (isBusy(live.msgid) || ledger.get(live.msgid) !== live) return true;
    if (live.openEnvelopes !== states.size) return true;
    for (const [evpid, state] of states) if (ledger.envelope(evpid) !== state) return true;
    return false;
  }

  /** The open envelopes with their states; undefined if a record with one cannot be read. */
  async #states(
    entry: Accepted | Restated,
    { states }: Snapshot,
  ): Promise<readonly StoredEnvelope[] | undefined> {
    const found: StoredEnvelope[] = [];
    for (const each of entry.envelopes) {
      const here = "envelope" in each ? each : untried(each);
      const state = states.get(here.envelope.evpid);
      if (state === undefined) continue;
      const tried = state.tried === undefined ? here : await this.#stateAt(here, state.tried);
      if (tried === undefined) return undefined;
      found.push({ ...tried, held: state.held });
    }
    return found;
  }

  async #stateAt(
    before: StoredEnvelope,
    tried: { readonly segment: Segment; readonly at: number },
  ): Promise<StoredEnvelope | undefined> {
    const { segment, at } = tried;
    const file = await this.#parts.files.open(segment.path, "read");
    try {
      const place = { segment, at, end: segment.bytes };
      const record = await readRecordAt(new FileWindow(file, STATE_WINDOW_BYTES), place);
      return record === undefined ? undefined : stateIn(record.entries, before);
    } finally {
      await tolerate(file.close());
    }
  }

  async #drain(): Promise<void> {
    const underWay = this.#underWay;
    this.#underWay = [];
    this.#underWayBytes = 0;
    await Promise.all(underWay);
  }
}

function evpidOf(each: Accepted["envelopes"][number] | StoredEnvelope): string {
  return "envelope" in each ? each.envelope.evpid : each.evpid;
}

/** The state of an envelope after the entries of one record. */
function stateIn(entries: readonly RecordEntry[], before: StoredEnvelope): StoredEnvelope {
  const { evpid } = before.envelope;
  let state = before;
  for (const entry of entries) {
    if (entry.kind === "restated") {
      state = entry.envelopes.find((each) => each.envelope.evpid === evpid) ?? state;
    }
    if (entry.kind === "deferred" && entry.evpid === evpid) {
      const { retryCount, nextTryAtMs, warnedMs, atMs, result } = entry;
      state = {
        ...state,
        retryCount,
        nextTryAtMs,
        warnedMs,
        lastTryAtMs: atMs,
        lastResult: result,
      };
    }
  }
  return state;
}
