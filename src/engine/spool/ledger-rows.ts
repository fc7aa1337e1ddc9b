/**
 * The rows of the ledger: 29 bytes for a message and 17 for an envelope, and some 8
 * each to find them. A file is named by its segment's sequence number; 0 is none.
 */
import { resized, RowTable } from "./row-table.ts";

/** Messages that are not finished, by their msgid as a number. */
export class MessageRows extends RowTable {
  #msgids: Uint32Array = new Uint32Array(0);
  /** The record that has the text, or names its blob. */
  segments: Uint32Array = new Uint32Array(0);
  ats: Uint32Array = new Uint32Array(0);
  /** The message's part of the record, in bytes. */
  shares: Uint32Array = new Uint32Array(0);
  textBytes: Float64Array = new Float64Array(0);
  openEnvelopes: Uint32Array = new Uint32Array(0);
  inBlob: Uint8Array = new Uint8Array(0);

  /** The row of a message, made if it is missing: then it is the last one. */
  put(msgid: number): number {
    const row = this.findOrAppend(msgid, 0);
    this.#msgids[row] = msgid;
    return row;
  }

  msgid(row: number): number {
    return this.#msgids[row] ?? 0;
  }

  protected override high(row: number): number {
    return this.#msgids[row] ?? 0;
  }

  protected override low(): number {
    return 0;
  }

  protected override resize(rows: number): void {
    this.#msgids = resized(this.#msgids, rows);
    this.segments = resized(this.segments, rows);
    this.ats = resized(this.ats, rows);
    this.shares = resized(this.shares, rows);
    this.textBytes = resized(this.textBytes, rows);
    this.openEnvelopes = resized(this.openEnvelopes, rows);
    this.inBlob = resized(this.inBlob, rows);
  }

  protected override move(from: number, to: number): void {
    this.#msgids.copyWithin(to, from, from + 1);
    this.segments.copyWithin(to, from, from + 1);
    this.ats.copyWithin(to, from, from + 1);
    this.shares.copyWithin(to, from, from + 1);
    this.textBytes.copyWithin(to, from, from + 1);
    this.openEnvelopes.copyWithin(to, from, from + 1);
    this.inBlob.copyWithin(to, from, from + 1);
  }
}

/** Envelopes that are not finished, by the two halves of their evpid. */
export class EnvelopeRows extends RowTable {
  #msgids: Uint32Array = new Uint32Array(0);
  #lows: Uint32Array = new Uint32Array(0);
  /** The record of the last attempt or restatement; 0 if it was never tried. */
  triedSegments: Uint32Array = new Uint32Array(0);
  triedAts: Uint32Array = new Uint32Array(0);
  held: Uint8Array = new Uint8Array(0);

  /** The row of an envelope, made if it is missing. */
  put(msgid: number, low: number): number {
    const row = this.findOrAppend(msgid, low);
    this.#msgids[row] = msgid;
    this.#lows[row] = low;
    return row;
  }

  msgid(row: number): number {
    return this.#msgids[row] ?? 0;
  }

  protected override high(row: number): number {
    return this.#msgids[row] ?? 0;
  }

  protected override low(row: number): number {
    return this.#lows[row] ?? 0;
  }

  protected override resize(rows: number): void {
    this.#msgids = resized(this.#msgids, rows);
    this.#lows = resized(this.#lows, rows);
    this.triedSegments = resized(this.triedSegments, rows);
    this.triedAts = resized(this.triedAts, rows);
    this.held = resized(this.held, rows);
  }

  protected override move(from: number, to: number): void {
    this.#msgids.copyWithin(to, from, from + 1);
    this.#lows.copyWithin(to, from, from + 1);
    this.triedSegments.copyWithin(to, from, from + 1);
    this.triedAts.copyWithin(to, from, from + 1);
    this.held.copyWithin(to, from, from + 1);
  }
}
