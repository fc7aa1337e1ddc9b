/**
 * What the spool keeps in memory of each message that is not finished: which record
 * has it, which envelopes are open, and which record has their last state. What
 * they say is on the disk, and is read there.
 *
 * It follows the journal: entries are applied in their order there, when they are
 * durable. It also counts what each segment still holds, which decides when a
 * segment may go.
 */
import { hex32, hex32At } from "#base/hex.ts";
import { unreachable } from "#base/unreachable.ts";
import { MSGID_DIGITS } from "#model/ids.ts";
import { EnvelopeRows, MessageRows } from "./ledger-rows.ts";
import type {
  Comparison,
  EnvelopeState,
  FinishedMessage,
  KnownEnvelope,
  KnownMessage,
  LiveMessage,
  Place,
  Position,
} from "./live-message.ts";
import { type Accepted, bringsMessage, type RecordEntry, type Restated } from "./record-entries.ts";
import type { Segment } from "./segment.ts";

/** Positions within one segment: they have 32 bits. */
const SEGMENT_SPAN = 0x1_0000_0000;
/** Rows for which room is made because a file says that there will be so many. */
const MAX_EXPECTED = 8_000_000;

export class Ledger {
  readonly #messages = new MessageRows();
  readonly #envelopes = new EnvelopeRows();
  /** The segments that hold something, by their sequence. */
  readonly #segments = new Map<number, Segment>();
  #end: Position = { sequence: 0, at: 0 };
  #recordsApplied = 0;
  #bytesApplied = 0;

  get messages(): number {
    return this.#messages.size;
  }

  get envelopes(): number {
    return this.#envelopes.size;
  }

  /** Where the last record ends that was applied. */
  get end(): Position {
    return this.#end;
  }

  /** Records that were applied so far. */
  get recordsApplied(): number {
    return this.#recordsApplied;
  }

  /** And their bytes. */
  get bytesApplied(): number {
    return this.#bytesApplied;
  }

  has(msgid: string): boolean {
    return this.#rowOf(msgid) >= 0;
  }

  get(msgid: string): LiveMessage | undefined {
    const row = this.#rowOf(msgid);
    return row < 0 ? undefined : this.#message(row);
  }

  /** The state of an envelope that is open; undefined if it is finished or unknown. */
  envelope(evpid: string): EnvelopeState | undefined {
    const row = this.#envelopes.find(highOf(evpid), lowOf(evpid));
    if (row < 0) return undefined;
    const sequence = this.#envelopes.triedSegments[row] ?? 0;
    const at = this.#envelopes.triedAts[row] ?? 0;
    return {
      tried: sequence === 0 ? undefined : { sequence, at },
      held: this.#envelopes.held[row] === 1,
    };
  }

  /** A segment that holds a message, or an envelope's last state. */
  segment(sequence: number): Segment | undefined {
    return this.#segments.get(sequence);
  }

  /** The messages that have their text in a blob, as of now. */
  blobMessages(): readonly LiveMessage[] {
    const found: LiveMessage[] = [];
    for (let row = 0; row < this.#messages.size; row++) {
      if (this.#messages.inBlob[row] === 1) found.push(this.#message(row));
    }
    return found;
  }

  /**
   * The records from one position up to another that have messages which are not finished, as
   * of now, in the order of the journal.
   */
  *recordsBetween(after: Position, to: Position): Generator<Position> {
    const oldest = Math.min(...this.#segments.keys());
    const from =
      after.sequence < oldest && this.#messages.size > 0 ? { sequence: oldest, at: 0 } : after;
    let last = -1;
    for (const span of this.#spansBetween(from, to)) {
      // A record may have several messages.
      if (span === last) continue;
      last = span;
      const sequence = from.sequence + Math.floor(span / SEGMENT_SPAN);
      yield { sequence, at: span % SEGMENT_SPAN };
    }
  }

  /** Applies the entries of one durable record; returns the messages that they finished. */
  apply(entries: readonly RecordEntry[], place: Place): readonly FinishedMessage[] {
    const finished: FinishedMessage[] = [];
    let messages = 0;
    for (const entry of entries) if (bringsMessage(entry)) messages++;
    for (const entry of entries) {
      if (bringsMessage(entry)) {
        this.#put(entry, place, Math.ceil(place.bytes / messages));
        if (entry.envelopes.length === 0) this.#drop(entry.message.msgid, finished);
      } else {
        this.#change(entry, place, finished);
      }
    }
    this.#end = { sequence: place.segment.sequence, at: place.at + place.bytes };
    this.#recordsApplied++;
    this.#bytesApplied += place.bytes;
    return finished;
  }

  /** Makes room at once for as many as this, which may be more or less than will come. */
  expect({ messages, envelopes }: { readonly messages: number; readonly envelopes: number }): void {
    this.#messages.expect(Math.min(messages, MAX_EXPECTED));
    this.#envelopes.expect(Math.min(envelopes, MAX_EXPECTED));
  }

  /** Starts from a checkpoint, which covers the journal up to `end`. */
  startFrom(end: Position, segments: Iterable<Segment>): void {
    this.#end = end;
    for (const segment of segments) this.#segments.set(segment.sequence, segment);
  }

  /** Takes what a checkpoint knows of a message; nothing if the segment that has it is gone. */
  restore(known: KnownMessage): void {
    const { msgid, at, share, envelopes } = known;
    const segment = this.#segments.get(known.sequence);
    if (segment === undefined || envelopes.length === 0) return;
    const before = this.#messages.size;
    const row = this.#messages.put(msgid);
    if (row < before) return;
    this.#settle(row, { segment, at, share });
    this.#messages.openEnvelopes[row] = envelopes.length;
    this.#messages.textBytes[row] = known.textBytes;
    this.#messages.inBlob[row] = known.inBlob ? 1 : 0;
    for (const { low, tried, held } of envelopes) this.#putEnvelope({ msgid, low }, tried, held);
  }

  /** What happened to a message since a checkpoint knew it. */
  compare(known: KnownMessage): Comparison {
    const rows = this.#messages;
    const row = rows.find(known.msgid, 0);
    if (row < 0 || rows.segments[row] !== known.sequence || rows.ats[row] !== known.at) {
      return "elsewhere";
    }
    const isSame =
      rows.openEnvelopes[row] === known.envelopes.length &&
      known.envelopes.every((envelope) => this.#isSame(known.msgid, envelope));
    return isSame ? "same" : "changed";
  }

  /** What a checkpoint is to know of a message: as it is now. */
  known(live: LiveMessage, evpids: readonly string[]): KnownMessage {
    const envelopes: KnownEnvelope[] = [];
    for (const evpid of evpids) {
      const state = this.envelope(evpid);
      if (state !== undefined) envelopes.push({ low: lowOf(evpid), ...state });
    }
    const { at, bytes: share, textBytes, inBlob } = live;
    const { sequence } = live.segment;
    return { msgid: highOf(live.msgid), sequence, at, share, textBytes, inBlob, envelopes };
  }

  /** Forgets messages whose texts are lost. */
  lose(msgids: ReadonlySet<string>): void {
    for (const msgid of msgids) this.#drop(msgid, []);
    this.#dropEnvelopes(new Set(Array.from(msgids, highOf)));
  }

  /** A segment in which nothing lives is gone. */
  forget(segment: Segment): void {
    this.#segments.delete(segment.sequence);
  }

  #rowOf(msgid: string): number {
    return this.#messages.find(highOf(msgid), 0);
  }

  #message(row: number): LiveMessage {
    const rows = this.#messages;
    return {
      msgid: hex32(rows.msgid(row)),
      segment: this.#segmentOf(row),
      at: rows.ats[row] ?? 0,
      bytes: rows.shares[row] ?? 0,
      textBytes: rows.textBytes[row] ?? 0,
      inBlob: rows.inBlob[row] === 1,
      openEnvelopes: rows.openEnvelopes[row] ?? 0,
    };
  }

  #segmentOf(row: number): Segment {
    const sequence = this.#messages.segments[row] ?? 0;
    const segment = this.#segments.get(sequence);
    if (segment === undefined) throw new TypeError(`A message lives in ${sequence}, which is gone`);
    return segment;
  }

  #spansBetween(from: Position, to: Position): Float64Array {
    const upTo = spanFrom(from, to.sequence, to.at);
    const { segments, ats, size } = this.#messages;
    const spans = new Float64Array(size);
    let count = 0;
    for (let row = 0; row < size; row++) {
      const span = spanFrom(from, segments[row] ?? 0, ats[row] ?? 0);
      if (span >= from.at && span < upTo) spans[count++] = span;
    }
    return spans.subarray(0, count).toSorted();
  }

  #put(entry: Accepted | Restated, { segment, at }: Place, share: number): void {
    const { msgid } = entry.message;
    const row = this.#rowFor(msgid, entry.envelopes.length);
    this.#settle(row, { segment, at, share });
    this.#messages.textBytes[row] = entry.text.bytes;
    this.#messages.inBlob[row] = entry.text.inBlob ? 1 : 0;
    this.#messages.openEnvelopes[row] = entry.envelopes.length;
    if (entry.kind === "accepted") {
      for (const { evpid } of entry.envelopes) this.#putEnvelope(halvesOf(evpid), undefined, false);
      return;
    }
    const tried = { sequence: segment.sequence, at };
    for (const { envelope, held } of entry.envelopes) {
      this.#putEnvelope(halvesOf(envelope.evpid), tried, held);
    }
  }

  /** The row of a message that is put in place of what was known of it. */
  #rowFor(msgid: string, envelopes: number): number {
    const row = this.#rowOf(msgid);
    if (row < 0) return this.#messages.put(highOf(msgid));
    this.#leave(row);
    // A result was lost that finished an envelope: what restates the message knows better.
    if (this.#messages.openEnvelopes[row] !== envelopes) {
      this.#dropEnvelopes(new Set([highOf(msgid)]));
    }
    return row;
  }

  /** Puts a message where its record is, and counts it there. */
  #settle(
    row: number,
    where: { readonly segment: Segment; readonly at: number; readonly share: number },
  ): void {
    const { segment, at, share } = where;
    this.#segments.set(segment.sequence, segment);
    this.#messages.segments[row] = segment.sequence;
    this.#messages.ats[row] = at;
    this.#messages.shares[row] = share;
    segment.liveMessages++;
    segment.liveBytes += share;
  }

  #leave(row: number): void {
    const segment = this.#segmentOf(row);
    segment.liveMessages--;
    segment.liveBytes -= this.#messages.shares[row] ?? 0;
  }

  #isSame(msgid: number, { low, tried, held }: KnownEnvelope): boolean {
    const rows = this.#envelopes;
    const row = rows.find(msgid, low);
    return (
      row >= 0 &&
      rows.triedSegments[row] === (tried?.sequence ?? 0) &&
      rows.triedAts[row] === (tried?.at ?? 0) &&
      rows.held[row] === (held ? 1 : 0)
    );
  }

  #putEnvelope(
    { msgid, low }: { readonly msgid: number; readonly low: number },
    tried: Position | undefined,
    held: boolean,
  ): void {
    const row = this.#envelopes.put(msgid, low);
    this.#try(row, tried);
    this.#envelopes.held[row] = held ? 1 : 0;
  }

  #try(row: number, tried: Position | undefined): void {
    this.#envelopes.triedSegments[row] = tried?.sequence ?? 0;
    this.#envelopes.triedAts[row] = tried?.at ?? 0;
  }

  #change(
    entry: Exclude<RecordEntry, Accepted | Restated>,
    place: Place,
    finished: FinishedMessage[],
  ): void {
    const row = this.#envelopes.find(highOf(entry.evpid), lowOf(entry.evpid));
    if (row < 0) return;
    switch (entry.kind) {
      case "deferred":
        this.#segments.set(place.segment.sequence, place.segment);
        this.#try(row, { sequence: place.segment.sequence, at: place.at });
        return;
      case "held":
        this.#envelopes.held[row] = entry.held ? 1 : 0;
        return;
      case "delivered":
      case "failed":
      case "removed":
        this.#envelopes.remove(row);
        this.#finishOne(entry.evpid, finished);
        return;
      default:
        unreachable(entry);
    }
  }

  #finishOne(evpid: string, finished: FinishedMessage[]): void {
    const row = this.#messages.find(highOf(evpid), 0);
    if (row < 0) return;
    const left = (this.#messages.openEnvelopes[row] ?? 1) - 1;
    this.#messages.openEnvelopes[row] = left;
    if (left === 0) this.#drop(evpid.slice(0, MSGID_DIGITS), finished);
  }

  #drop(msgid: string, finished: FinishedMessage[]): void {
    const row = this.#rowOf(msgid);
    if (row < 0) return;
    this.#leave(row);
    finished.push({ msgid, inBlob: this.#messages.inBlob[row] === 1 });
    this.#messages.remove(row);
  }

  /** Looks at every envelope: only for what is rare. */
  #dropEnvelopes(msgids: ReadonlySet<number>): void {
    for (let row = this.#envelopes.size - 1; row >= 0; row--) {
      if (msgids.has(this.#envelopes.msgid(row))) this.#envelopes.remove(row);
    }
  }
}

/** A position as one number, for those from `from` on. */
function spanFrom(from: Position, sequence: number, at: number): number {
  return (sequence - from.sequence) * SEGMENT_SPAN + at;
}

function halvesOf(evpid: string): { readonly msgid: number; readonly low: number } {
  return { msgid: highOf(evpid), low: lowOf(evpid) };
}

function highOf(id: string): number {
  return hex32At(id);
}

function lowOf(evpid: string): number {
  return hex32At(evpid, MSGID_DIGITS);
}
