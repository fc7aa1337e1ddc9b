/**
 * What the spool keeps in memory of each message that is not finished: where its
 * text is, which envelopes are open, and where their last state was recorded.
 *
 * It follows the journal: entries are applied in their order there, when they are
 * durable. It also counts what each segment still holds, which decides when a
 * segment may go.
 */
import { unreachable } from "#base/unreachable.ts";
import { msgidOf } from "#model/ids.ts";
import type { Accepted, RecordEntry, Restated, TextStamp } from "./record-entries.ts";
import type { Segment } from "./segment.ts";

/** A record that is in the journal. */
export interface Place {
  readonly segment: Segment;
  readonly at: number;
  readonly bytes: number;
  readonly textsAt: number;
}

/** What happened to an open envelope since it was accepted. */
export interface EnvelopeState {
  /** The record of its last attempt or restatement; undefined if it was never tried. */
  readonly tried: { readonly segment: Segment; readonly at: number } | undefined;
  readonly held: boolean;
}

export interface LiveMessage {
  readonly msgid: string;
  /** The record that holds its text, or names its blob. */
  readonly segment: Segment;
  readonly at: number;
  /** Its share of that record. */
  readonly bytes: number;
  readonly text: TextStamp;
  /** Where the text starts in the segment; means nothing for a blob. */
  readonly textAt: number;
  openEnvelopes: number;
}

const UNTRIED: EnvelopeState = Object.freeze({ tried: undefined, held: false });

export class Ledger {
  readonly #messages = new Map<string, LiveMessage>();
  /** Every open envelope, by evpid. */
  readonly #envelopes = new Map<string, EnvelopeState>();

  get(msgid: string): LiveMessage | undefined {
    return this.#messages.get(msgid);
  }

  /** The state of an envelope that is open; undefined if it is finished or unknown. */
  envelope(evpid: string): EnvelopeState | undefined {
    return this.#envelopes.get(evpid);
  }

  /** The messages that have their text in a blob, as of now. */
  blobMessages(): readonly LiveMessage[] {
    return Array.from(this.#messages.values()).filter(({ text }) => text.inBlob);
  }

  /** Applies the entries of one durable record; returns the messages that they finished. */
  apply(entries: readonly RecordEntry[], place: Place): readonly LiveMessage[] {
    const finished: LiveMessage[] = [];
    const messages = entries.filter(bringsMessage).length;
    let textAt = place.textsAt;
    for (const entry of entries) {
      if (bringsMessage(entry)) {
        this.#put(entry, { place, textAt, share: Math.ceil(place.bytes / messages) });
        if (!entry.text.inBlob) textAt += entry.text.storedBytes;
        if (entry.envelopes.length === 0) finished.push(...this.#drop(entry.message.msgid));
      } else {
        finished.push(...this.#change(entry, place));
      }
    }
    return finished;
  }

  /** Forgets a message whose text is lost. */
  lose(msgid: string): void {
    this.#drop(msgid);
  }

  #put(
    entry: Accepted | Restated,
    where: { readonly place: Place; readonly textAt: number; readonly share: number },
  ): void {
    const { msgid } = entry.message;
    const { segment, at } = where.place;
    const before = this.#messages.get(msgid);
    if (before !== undefined) leave(before);
    this.#messages.set(msgid, {
      msgid,
      segment,
      at,
      bytes: where.share,
      text: entry.text,
      textAt: where.textAt,
      openEnvelopes: entry.envelopes.length,
    });
    segment.liveMessages++;
    segment.liveBytes += where.share;
    if (entry.kind === "accepted") {
      for (const { evpid } of entry.envelopes) this.#envelopes.set(evpid, UNTRIED);
      return;
    }
    const tried = { segment, at };
    for (const { envelope, held } of entry.envelopes) {
      this.#envelopes.set(envelope.evpid, { tried, held });
    }
  }

  #change(entry: Exclude<RecordEntry, Accepted | Restated>, place: Place): readonly LiveMessage[] {
    const { evpid } = entry;
    const before = this.#envelopes.get(evpid);
    if (before === undefined) return [];
    switch (entry.kind) {
      case "deferred":
        this.#envelopes.set(evpid, {
          tried: { segment: place.segment, at: place.at },
          held: before.held,
        });
        return [];
      case "held":
        this.#envelopes.set(evpid, { tried: before.tried, held: entry.held });
        return [];
      case "delivered":
      case "failed":
      case "removed": {
        this.#envelopes.delete(evpid);
        const message = this.#messages.get(msgidOf(evpid));
        if (message === undefined || --message.openEnvelopes > 0) return [];
        return this.#drop(message.msgid);
      }
      default:
        return unreachable(entry);
    }
  }

  #drop(msgid: string): readonly LiveMessage[] {
    const message = this.#messages.get(msgid);
    if (message === undefined) return [];
    this.#messages.delete(msgid);
    leave(message);
    return [message];
  }
}

function leave(message: LiveMessage): void {
  message.segment.liveMessages--;
  message.segment.liveBytes -= message.bytes;
}

function bringsMessage(entry: RecordEntry): entry is Accepted | Restated {
  return entry.kind === "accepted" || entry.kind === "restated";
}
