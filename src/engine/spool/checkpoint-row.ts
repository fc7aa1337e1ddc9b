/**
 * One message in a block of a checkpoint: what the ledger keeps of it, in numbers at fixed
 * places, and behind that the message with its state. Of what many have in common it has
 * the number in its block (checkpoint-shared.ts).
 *
 *   0  bytes of the whole   4  msgid     8  segment's number   12  offset of its record
 *  16  its share of that   20  bytes of its text, 8           28  1 if that is in a blob
 *  29  envelopes           33  origin   37  for each envelope, 21 bytes:
 *       0  half an evpid    4  segment and offset of its last try   12  1 if held
 *      13  decision        17  last words, 0 if there are none
 *
 * The ledger is filled, and a message that did not change is copied, without reading the rest.
 */
import type { ByteReader } from "#base/byte-reader.ts";
import { DecodeError } from "#base/byte-reader.ts";
import type { ByteWriter } from "#base/byte-writer.ts";
import { bool, type Codec, text, u53 } from "#base/codec.ts";
import { hex32 } from "#base/hex.ts";
import {
  addressCodec,
  listedDeliveryCodec,
  MAX_NAME_BYTES,
  NO_TRAIL,
  recipientTermsCodec,
  termsCodec,
  type TrailStep,
  trailCodec,
  type Transport,
  transportKindOf,
} from "#model/envelope.ts";
import type { Decision, Shared } from "./checkpoint-shared.ts";
import type { KnownEnvelope, KnownMessage, Position } from "./live-message.ts";
import { type Restated, textStampCodec } from "./record-entries.ts";
import type { StoredEnvelope } from "./spool.ts";

const BLOB_AT = 28;
const ENVELOPES_AT = 29;
const ORIGIN_AT = 33;
const FIXED_BYTES = 37;
const ENVELOPE_BYTES = 21;
const HELD_AT = 12;
const DECISION_AT = 13;
const WORDS_AT = 17;
/** Numbers start from 1. */
const NO_WORDS = 0;

const OTHER_DESTINATION = 1;
const HAS_TERMS = 2;
const HAS_TRAIL = 4;

const name: Codec<string> = text(MAX_NAME_BYTES);

/** Gives the number in a block of what a message has in common with others. */
export type NumberOf = (shared: Shared) => number;
/** What has a number in a block. @throws {DecodeError} if nothing has it. */
export type SharedAt = (number: number) => Shared;

/** Appends a row. */
export function writeRow(
  writer: ByteWriter,
  known: KnownMessage,
  { message, envelopes, text: stamp }: Restated,
  numberOf: NumberOf,
): void {
  const start = writer.length;
  writer.u32(0);
  writer.u32(known.msgid);
  writer.u32(known.sequence);
  writer.u32(known.at);
  writer.u32(known.share);
  writer.u53(known.textBytes);
  writer.u8(known.inBlob ? 1 : 0);
  writer.u32(known.envelopes.length);
  writer.u32(numberOf({ kind: "origin", origin: message.origin }));
  for (const [at, { low, tried, held }] of known.envelopes.entries()) {
    const stored = envelopes[at];
    if (stored === undefined) throw new TypeError("Cannot write a message without its envelopes");
    writer.u32(low);
    writer.u32(tried?.sequence ?? 0);
    writer.u32(tried?.at ?? 0);
    writer.u8(held ? 1 : 0);
    writer.u32(numberOf({ kind: "decision", decision: decisionOf(stored) }));
    writer.u32(wordsNumber(stored, numberOf));
  }
  writer.u53(message.acceptedAtMs);
  addressCodec.write(writer, message.reversePath);
  writer.u53(message.textBytes);
  bool.write(writer, message.is8bit);
  termsCodec.write(writer, message.terms);
  textStampCodec.write(writer, stamp);
  for (const stored of envelopes) writeEnvelope(writer, stored);
  writer.setU32(start, writer.length - start);
}

/**
 * Appends a row of another block, as it is but for its numbers.
 *
 * @param numberOf turns a number of that block into one of this.
 */
export function copyRow(
  writer: ByteWriter,
  row: Uint8Array,
  numberOf: (number: number) => number,
): void {
  const start = writer.length;
  writer.raw(row);
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  const renumber = (at: number): void => writer.setU32(start + at, numberOf(view.getUint32(at)));
  renumber(ORIGIN_AT);
  const envelopes = view.getUint32(ENVELOPES_AT);
  for (let nth = 0; nth < envelopes; nth++) {
    const at = FIXED_BYTES + nth * ENVELOPE_BYTES;
    renumber(at + DECISION_AT);
    if (view.getUint32(at + WORDS_AT) !== NO_WORDS) renumber(at + WORDS_AT);
  }
}

/** Where a row ends that starts at `at`; undefined if there is none. */
export function rowEnd(view: DataView, at: number, end: number): number | undefined {
  if (at + FIXED_BYTES > end) return undefined;
  const rowEndsAt = at + view.getUint32(at);
  const fixedBytes = FIXED_BYTES + view.getUint32(at + ENVELOPES_AT) * ENVELOPE_BYTES;
  return rowEndsAt > end || at + fixedBytes > rowEndsAt ? undefined : rowEndsAt;
}

/** What the ledger keeps, of a row that starts at `at`. */
export function knownAt(view: DataView, at: number): KnownMessage {
  const envelopes = eachOf(view.getUint32(at + ENVELOPES_AT), (nth): KnownEnvelope => {
    const from = at + FIXED_BYTES + nth * ENVELOPE_BYTES;
    const tried = positionAt(view, from + 4);
    const held = view.getUint8(from + HELD_AT) === 1;
    return { low: view.getUint32(from), tried, held };
  });
  return {
    msgid: view.getUint32(at + 4),
    sequence: view.getUint32(at + 8),
    at: view.getUint32(at + 12),
    share: view.getUint32(at + 16),
    textBytes: view.getUint32(at + 20) * 0x1_0000_0000 + view.getUint32(at + 24),
    inBlob: view.getUint8(at + BLOB_AT) === 1,
    envelopes,
  };
}

/** The record of the last try; none has the number 0. */
function positionAt(view: DataView, at: number): Position | undefined {
  const sequence = view.getUint32(at);
  return sequence === 0 ? undefined : { sequence, at: view.getUint32(at + 4) };
}

/** A row, and where what has a number in it is found. */
export interface RowPlace {
  readonly reader: ByteReader;
  readonly view: DataView;
  readonly at: number;
  readonly sharedAt: SharedAt;
}

/** The message of a row. @throws {DecodeError} if there is none. */
export function readRow({ reader, view, at, sharedAt }: RowPlace, known: KnownMessage): Restated {
  const count = known.envelopes.length;
  reader.seek(at + FIXED_BYTES + count * ENVELOPE_BYTES);
  const msgid = hex32(known.msgid);
  const origin = sharedAt(view.getUint32(at + ORIGIN_AT));
  if (origin.kind !== "origin") throw new DecodeError("Message without an origin");
  const message = {
    msgid,
    acceptedAtMs: u53.read(reader),
    reversePath: addressCodec.read(reader),
    origin: origin.origin,
    textBytes: u53.read(reader),
    is8bit: bool.read(reader),
    terms: termsCodec.read(reader),
  };
  const stamp = textStampCodec.read(reader);
  const envelopes = eachOf(count, (nth): StoredEnvelope => {
    const from = at + FIXED_BYTES + nth * ENVELOPE_BYTES;
    const decision = sharedAt(view.getUint32(from + DECISION_AT));
    if (decision.kind !== "decision") throw new DecodeError("Envelope without a decision");
    const number = view.getUint32(from + WORDS_AT);
    const words = number === NO_WORDS ? undefined : sharedAt(number);
    if (words !== undefined && words.kind !== "words") throw new DecodeError("No last words");
    const evpid = msgid + hex32(view.getUint32(from));
    const held = view.getUint8(from + HELD_AT) === 1;
    const lastResult = words && { evpid, ...words.words };
    return readEnvelope(reader, evpid, decision.decision, { held, lastResult });
  });
  return { kind: "restated", message, envelopes, text: stamp };
}

/** An array of one, as nearly all are, takes a fifth of the memory of one that grows. */
function eachOf<Item>(count: number, make: (nth: number) => Item): readonly Item[] {
  return count === 1 ? [make(0)] : Array.from({ length: count }, (_, nth) => make(nth));
}

function decisionOf({ envelope }: StoredEnvelope): Decision {
  const { action, rule, ttlMs, transport } = envelope;
  return { action, rule, ttlMs, transport: transportKindOf(transport) };
}

function wordsNumber({ lastResult }: StoredEnvelope, numberOf: NumberOf): number {
  if (lastResult === undefined) return NO_WORDS;
  const { evpid: _, ...words } = lastResult;
  return numberOf({ kind: "words", words });
}

function writeEnvelope(writer: ByteWriter, stored: StoredEnvelope): void {
  const { forwardPath, destination, terms, trail, transport } = stored.envelope;
  const flags =
    (destination === forwardPath ? 0 : OTHER_DESTINATION) |
    (terms === undefined ? 0 : HAS_TERMS) |
    (trail.length === 0 ? 0 : HAS_TRAIL);
  writer.u8(flags);
  addressCodec.write(writer, forwardPath);
  if (flags & OTHER_DESTINATION) addressCodec.write(writer, destination);
  if (flags & HAS_TERMS) recipientTermsCodec.write(writer, terms);
  if (flags & HAS_TRAIL) trailCodec.write(writer, trail);
  if (transport.kind === "mda") {
    name.write(writer, transport.user);
    name.write(writer, transport.extension);
    if (transport.listed !== undefined) listedDeliveryCodec.write(writer, transport.listed);
  }
  writer.varint(stored.retryCount);
  u53.write(writer, stored.lastTryAtMs);
  u53.write(writer, stored.nextTryAtMs);
  writer.varint(stored.warnedMs);
}

function readEnvelope(
  reader: ByteReader,
  evpid: string,
  { action, rule, ttlMs, transport: kind }: Decision,
  { held, lastResult }: Pick<StoredEnvelope, "held" | "lastResult">,
): StoredEnvelope {
  const flags = reader.u8();
  const forwardPath = addressCodec.read(reader);
  const destination = flags & OTHER_DESTINATION ? addressCodec.read(reader) : forwardPath;
  const terms = flags & HAS_TERMS ? recipientTermsCodec.read(reader) : undefined;
  const trail: readonly TrailStep[] = flags & HAS_TRAIL ? trailCodec.read(reader) : NO_TRAIL;
  const transport = kind === "mta" ? MTA : readLocalTransport(reader, kind);
  return {
    envelope: { evpid, forwardPath, terms, destination, action, transport, rule, trail, ttlMs },
    retryCount: reader.varint(),
    lastTryAtMs: u53.read(reader),
    nextTryAtMs: u53.read(reader),
    warnedMs: reader.varint(),
    lastResult,
    held,
  };
}

function readLocalTransport(reader: ByteReader, kind: "mda" | "listed"): Transport {
  const local = { kind: "mda", user: name.read(reader), extension: name.read(reader) } as const;
  return kind === "mda" ? local : { ...local, listed: listedDeliveryCodec.read(reader) };
}

const MTA: Transport = Object.freeze({ kind: "mta" });
