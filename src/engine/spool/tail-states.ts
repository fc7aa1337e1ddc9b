/**
 * The last tries in one stretch of the journal, the one behind a checkpoint: read once and in
 * order. What is tried again is tried in another order than it was accepted in; looked up one
 * by one, each of a hundred thousand tries would cost a read of its own.
 *
 * So states are those at the end of the stretch, whatever came behind it: who uses them
 * applies that again. Bounded: of what does not fit nothing is known.
 */
import type { Files } from "#base/ports/files.ts";
import type { DeliveryResult } from "#model/delivery.ts";
import type { Words } from "./checkpoint-shared.ts";
import { FileWindow } from "./file-window.ts";
import { tolerate } from "./file-faults.ts";
import type { Position } from "./live-message.ts";
import type { RecordEntry } from "./record-entries.ts";
import type { Segment } from "./segment.ts";
import { HEADER_BYTES } from "./segment-header.ts";
import { scanSegment } from "./segment-scan.ts";
import type { SpoolEntry, StoredEnvelope } from "./spool.ts";

type Deferred = Extract<SpoolEntry, { readonly kind: "deferred" }>;

/** Some 200 bytes each. */
const MAX_TRIES = 150_000;
/** Last words that many tries share and that are kept once. */
const MAX_WORDS = 10_000;

/** What a try left, and where the record is that has it. */
interface NotedTry extends Position {
  readonly atMs: number;
  readonly retryCount: number;
  readonly nextTryAtMs: number;
  readonly warnedMs: number;
  readonly words: Words;
}

export class TailStates {
  readonly #tries = new Map<string, NotedTry>();
  readonly #words = new Map<string, Words>();
  #isWhole = true;

  /** An envelope that is not known here was not tried in the stretch. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Where the record is of the last try of an envelope. */
  placeOf(evpid: string): Position | undefined {
    return this.#tries.get(evpid);
  }

  /** The state of an envelope after its last try. */
  after(before: StoredEnvelope): StoredEnvelope {
    const { evpid } = before.envelope;
    const noted = this.#tries.get(evpid);
    if (noted === undefined) return before;
    const { atMs, retryCount, nextTryAtMs, warnedMs, words } = noted;
    const lastResult = { evpid, ...words };
    return { ...before, retryCount, lastTryAtMs: atMs, nextTryAtMs, warnedMs, lastResult };
  }

  /** Reads a record, the next one. */
  note(entries: readonly RecordEntry[], at: Position): void {
    for (const entry of entries) this.#note(entry, at);
  }

  /** Something of the stretch could not be read. */
  missed(): void {
    this.#isWhole = false;
  }

  #note(entry: RecordEntry, at: Position): void {
    switch (entry.kind) {
      case "deferred":
        this.#defer(entry, at);
        return;
      case "restated":
        for (const { envelope } of entry.envelopes) this.#tries.delete(envelope.evpid);
        return;
      case "delivered":
      case "failed":
      case "removed":
        this.#tries.delete(entry.evpid);
        return;
      case "accepted":
      case "held":
        return;
    }
  }

  #defer(entry: Deferred, { sequence, at }: Position): void {
    const { evpid, atMs, retryCount, nextTryAtMs, warnedMs, result } = entry;
    if (this.#tries.size >= MAX_TRIES && !this.#tries.has(evpid)) {
      this.#isWhole = false;
      return;
    }
    const words = this.#shared(result);
    this.#tries.set(evpid, { sequence, at, atMs, retryCount, nextTryAtMs, warnedMs, words });
  }

  #shared({ outcome, status, diagnostic, remote }: DeliveryResult): Words {
    const key = `${outcome}\0${status}\0${remote}\0${diagnostic}`;
    const known = this.#words.get(key);
    if (known !== undefined) return known;
    const words = { outcome, status, diagnostic, remote };
    if (this.#words.size < MAX_WORDS) this.#words.set(key, words);
    return words;
  }
}

/**
 * Reads a stretch of the journal.
 *
 * @param segments those that have it, in order.
 * @throws {FilesError}
 */
export async function readTail(
  files: Files,
  segments: readonly Segment[],
  { from, to }: { readonly from: Position; readonly to: Position },
): Promise<TailStates> {
  const tail = new TailStates();
  for (const segment of segments) {
    const { sequence } = segment;
    if (sequence < from.sequence || sequence > to.sequence) continue;
    const start = sequence === from.sequence ? from.at : HEADER_BYTES;
    const end = sequence === to.sequence ? to.at : segment.bytes;
    const file = await files.open(segment.path, "read");
    try {
      const window = new FileWindow(file);
      const stretch = { from: start, end };
      for await (const found of scanSegment(window, segment, stretch, "skipped")) {
        if (found.kind === "record") {
          tail.note(found.entries, { sequence, at: found.at });
        } else tail.missed();
      }
    } finally {
      await tolerate(file.close());
    }
  }
  return tail;
}
