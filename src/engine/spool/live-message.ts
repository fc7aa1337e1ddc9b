/**
 * What the ledger knows of a message that is not finished: where it is, which envelopes are
 * open, where their states are. What those records say is on the disk.
 */
import type { Segment } from "./segment.ts";

/** A record that is in the journal. */
export interface Place {
  readonly segment: Segment;
  readonly at: number;
  readonly bytes: number;
}

/** Where a record starts, or where the journal ended once. */
export interface Position {
  readonly sequence: number;
  readonly at: number;
}

/** What happened to an open envelope since it was accepted. */
export interface EnvelopeState {
  /** The record of its last attempt or restatement; undefined if it was never tried. */
  readonly tried: Position | undefined;
  readonly held: boolean;
}

export interface LiveMessage {
  readonly msgid: string;
  /** The record that holds its text, or names its blob. */
  readonly segment: Segment;
  readonly at: number;
  /** Its share of that record. */
  readonly bytes: number;
  readonly textBytes: number;
  readonly inBlob: boolean;
  readonly openEnvelopes: number;
}

export interface FinishedMessage {
  readonly msgid: string;
  readonly inBlob: boolean;
}

/** What a checkpoint knows of a message, ids as numbers; its record may be in a segment that is gone. */
export interface KnownMessage {
  readonly msgid: number;
  readonly sequence: number;
  readonly at: number;
  readonly share: number;
  readonly textBytes: number;
  readonly inBlob: boolean;
  readonly envelopes: readonly KnownEnvelope[];
}

export interface KnownEnvelope extends EnvelopeState {
  /** The lower half of the evpid. */
  readonly low: number;
}

/**
 * - "same": nothing happened since
 * - "changed": its record is the same, its envelopes are not
 * - "elsewhere": it is finished, or a later record has it
 */
export type Comparison = "same" | "changed" | "elsewhere";
