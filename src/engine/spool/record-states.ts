/**
 * What a record of the journal says of envelopes, by their ids, and a memory of the last
 * of them. Results of many envelopes share a record, and each of them asks for it: so it
 * is decoded once, not once for each.
 */
import type { Position } from "./live-message.ts";
import type { RecordEntry } from "./record-entries.ts";
import type { RecordFinding } from "./segment-scan.ts";
import type { SpoolEntry, StoredEnvelope } from "./spool.ts";
import { afterDeferral } from "./unfinished.ts";

/** Encoded entries that are remembered; some 10 times as much when they are decoded. A longer record is remembered alone. */
const MAX_REMEMBERED_BYTES: number = 4 * 1024 * 1024;

type Deferred = Extract<SpoolEntry, { readonly kind: "deferred" }>;

export class RecordStates {
  /** A whole state, or what a try has changed of one. */
  readonly #changes = new Map<string, StoredEnvelope | Deferred>();

  constructor(entries: readonly RecordEntry[]) {
    for (const entry of entries) {
      if (entry.kind === "restated") this.#restate(entry.envelopes);
      else if (entry.kind === "deferred") this.#defer(entry);
    }
  }

  /** The state of an envelope after the record. */
  after(before: StoredEnvelope): StoredEnvelope {
    const change = this.#changes.get(before.envelope.evpid);
    if (change === undefined) return before;
    return "envelope" in change ? change : afterDeferral(before, change);
  }

  #restate(envelopes: readonly StoredEnvelope[]): void {
    for (const each of envelopes) this.#changes.set(each.envelope.evpid, each);
  }

  #defer(entry: Deferred): void {
    const before = this.#changes.get(entry.evpid);
    const isWhole = before !== undefined && "envelope" in before;
    this.#changes.set(entry.evpid, isWhole ? afterDeferral(before, entry) : entry);
  }
}

export class RememberedStates {
  /** By place, the one that was used last at the end. */
  readonly #records = new Map<string, { readonly states: RecordStates; readonly bytes: number }>();
  #bytes = 0;

  get({ sequence, at }: Position): RecordStates | undefined {
    const place = `${sequence}/${at}`;
    const known = this.#records.get(place);
    if (known === undefined) return undefined;
    this.#records.delete(place);
    this.#records.set(place, known);
    return known.states;
  }

  /** Takes in one that is not known. */
  add({ sequence, at }: Position, record: RecordFinding): RecordStates {
    const bytes = record.textsAt - record.at;
    for (const [place, known] of this.#records) {
      if (this.#bytes + bytes <= MAX_REMEMBERED_BYTES) break;
      this.#records.delete(place);
      this.#bytes -= known.bytes;
    }
    const states = new RecordStates(record.entries);
    this.#records.set(`${sequence}/${at}`, { states, bytes });
    this.#bytes += bytes;
    return states;
  }
}
