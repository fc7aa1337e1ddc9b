/**
 * The head of a record: the entries of one batch, and where each text lies.
 *
 * Texts follow the head in the order of the entries that have one. `restated`
 * is the journal's own entry: a message with its present state, written again so
 * that the segment where it was accepted can go. It replaces what came before.
 */
import { type ByteReader, DecodeError } from "#base/byte-reader.ts";
import { ByteWriter } from "#base/byte-writer.ts";
import {
  bool,
  type Codec,
  type DecodeFault,
  decode,
  hex,
  list,
  optional,
  struct,
  u32,
  u53,
  union,
} from "#base/codec.ts";
import { type DeliveryResult, deliveryResultCodec } from "#model/delivery.ts";
import {
  type Envelope,
  envelopeCodec,
  envelopesCodec,
  MAX_ENVELOPES,
  type Message,
  messageCodec,
} from "#model/envelope.ts";
import { EVPID_DIGITS } from "#model/ids.ts";
import { KEY_ID_DIGITS } from "./queue-keys.ts";
import { closeFrame, type FramedRecord, reserveFrame, type RecordForm } from "./record.ts";
import type { SpoolEntry, StoredEnvelope } from "./spool.ts";

/** A batch may finish every envelope of a message and carry the bounces. */
const MAX_ENTRIES: number = 2 * MAX_ENVELOPES;
/** Most heads are smaller; a larger one grows. */
const USUAL_HEAD_BYTES = 512;

/**
 * - "raw": as it came
 * - "chunks", "encrypted": in chunks (text-chunks.ts), which are encrypted or not
 * - "lost": nothing of it, since it was damaged when it was to be written anew
 */
export type TextForm = "raw" | "chunks" | "encrypted" | "lost";

/** What is needed to find a text and to know that it is whole. */
export interface TextStamp {
  /** Of the text that was accepted, whatever its form on the disk; so is the checksum. */
  readonly bytes: number;
  readonly checksum: number;
  /** In a file of its own, not behind the head. */
  readonly inBlob: boolean;
  readonly form: TextForm;
  /** What it takes on the disk; of a blob the length of its file. */
  readonly storedBytes: number;
  /** Of an encrypted blob: its key, which is not that of the segment when keys were replaced. */
  readonly keyId: string | undefined;
}

export type Accepted = {
  readonly kind: "accepted";
  readonly message: Message;
  readonly envelopes: readonly Envelope[];
  readonly text: TextStamp;
};

export type Restated = {
  readonly kind: "restated";
  readonly message: Message;
  readonly envelopes: readonly StoredEnvelope[];
  readonly text: TextStamp;
};

export type RecordEntry = Accepted | Restated | Exclude<SpoolEntry, { kind: "accepted" }>;

/** Whether it has a message in it, and is not about an envelope of one. */
export function bringsMessage(entry: RecordEntry): entry is Accepted | Restated {
  return entry.kind === "accepted" || entry.kind === "restated";
}

const TEXT_FORMS: readonly TextForm[] = ["raw", "chunks", "encrypted", "lost"];
const blobKeyId = optional(hex(KEY_ID_DIGITS));

/** A text in the form "raw" is written as before there was another one. */
export const textStampCodec: Codec<TextStamp> = {
  write(writer, { bytes, checksum, inBlob, form, storedBytes, keyId }) {
    u53.write(writer, bytes);
    u32.write(writer, checksum);
    writer.u8((inBlob ? 1 : 0) | (TEXT_FORMS.indexOf(form) << 1));
    if (form === "raw") return;
    u53.write(writer, storedBytes);
    blobKeyId.write(writer, keyId);
  },
  read(reader) {
    const bytes = u53.read(reader);
    const checksum = u32.read(reader);
    const flags = reader.u8();
    const form = TEXT_FORMS[flags >> 1];
    if (form === undefined) throw new DecodeError("Text in an unknown form");
    const place = { bytes, checksum, inBlob: (flags & 1) === 1, form };
    if (form === "raw") return { ...place, storedBytes: bytes, keyId: undefined };
    return { ...place, storedBytes: u53.read(reader), keyId: blobKeyId.read(reader) };
  },
};

const storedEnvelopeCodec = struct<StoredEnvelope>({
  envelope: envelopeCodec,
  retryCount: u32,
  lastTryAtMs: u53,
  nextTryAtMs: u53,
  warnedMs: u53,
  lastResult: optional<DeliveryResult>(deliveryResultCodec),
  held: bool,
});

const evpid = hex(EVPID_DIGITS);
const finished = { evpid, atMs: u53, result: deliveryResultCodec };

type Deferred = Extract<RecordEntry, { readonly kind: "deferred" }>;

/** What there was before senders were told of delays, and read since then as "not told". */
const EARLIER: readonly (readonly [number, Codec<RecordEntry>])[] = [
  [2, { write: notWritten, read: readRestatedUnwarned }],
  [3, { write: notWritten, read: readDeferredUnwarned }],
];

function notWritten(): never {
  throw new TypeError("Cannot write an entry of an earlier version");
}

const unwarnedEnvelopes: Codec<readonly Omit<StoredEnvelope, "warnedMs">[]> = list(
  struct<Omit<StoredEnvelope, "warnedMs">>({
    envelope: envelopeCodec,
    retryCount: u32,
    lastTryAtMs: u53,
    nextTryAtMs: u53,
    lastResult: optional<DeliveryResult>(deliveryResultCodec),
    held: bool,
  }),
  MAX_ENVELOPES,
);

function readRestatedUnwarned(reader: ByteReader): Restated {
  return {
    kind: "restated",
    message: messageCodec.read(reader),
    envelopes: unwarnedEnvelopes.read(reader).map((each) => ({ ...each, warnedMs: 0 })),
    text: textStampCodec.read(reader),
  };
}

function readDeferredUnwarned(reader: ByteReader): Deferred {
  return {
    kind: "deferred",
    evpid: evpid.read(reader),
    atMs: u53.read(reader),
    retryCount: u32.read(reader),
    nextTryAtMs: u53.read(reader),
    warnedMs: 0,
    result: deliveryResultCodec.read(reader),
  };
}

/** One entry; what earlier versions wrote is read too. */
const entryCodec: Codec<RecordEntry> = union<RecordEntry>(
  {
    accepted: [1, { message: messageCodec, envelopes: envelopesCodec, text: textStampCodec }],
    restated: [
      9,
      {
        message: messageCodec,
        envelopes: list(storedEnvelopeCodec, MAX_ENVELOPES),
        text: textStampCodec,
      },
    ],
    deferred: [
      8,
      {
        evpid,
        atMs: u53,
        retryCount: u32,
        nextTryAtMs: u53,
        warnedMs: u53,
        result: deliveryResultCodec,
      },
    ],
    delivered: [4, finished],
    failed: [5, finished],
    removed: [6, { evpid, atMs: u53 }],
    held: [7, { evpid, atMs: u53, held: bool }],
  },
  EARLIER,
);

const entriesCodec: Codec<readonly RecordEntry[]> = list(entryCodec, MAX_ENTRIES);

/**
 * Frames a batch as one record.
 *
 * @param texts the texts behind the head, in the order of the entries; borrowed until written.
 *   Of a record that is to be encrypted each one is a chunk, and is then encrypted in its place.
 * @throws {RangeError} if a value is beyond its bound: a bug in who made it.
 */
export function frameEntries(
  entries: readonly RecordEntry[],
  texts: readonly Uint8Array[],
  form: RecordForm = "plain",
): FramedRecord {
  let textBytes = 0;
  for (const chunk of texts) textBytes += chunk.length;
  const writer = new ByteWriter(USUAL_HEAD_BYTES);
  reserveFrame(writer, form);
  entriesCodec.write(writer, entries);
  const head = closeFrame(writer, textBytes, form);
  return { head, texts, bytes: head.length + textBytes, form };
}

/** The entries in the head of a record. */
export function readEntries(
  head: Uint8Array,
): { readonly kind: "decoded"; readonly value: readonly RecordEntry[] } | DecodeFault {
  return decode(entriesCodec, head);
}

/** The stamp of an entry that has its text behind the head. */
export function inlineText(entry: RecordEntry): TextStamp | undefined {
  if (entry.kind !== "accepted" && entry.kind !== "restated") return undefined;
  return entry.text.inBlob ? undefined : entry.text;
}

/** The stamp of a message's text, and where the text starts; undefined if the record has no such message. */
export function textOf(
  record: { readonly entries: readonly RecordEntry[]; readonly textsAt: number },
  msgid: string,
): { readonly stamp: TextStamp; readonly textAt: number } | undefined {
  let textAt = record.textsAt;
  for (const entry of record.entries) {
    if (entry.kind !== "accepted" && entry.kind !== "restated") continue;
    if (entry.message.msgid === msgid) return { stamp: entry.text, textAt };
    if (!entry.text.inBlob) textAt += entry.text.storedBytes;
  }
  return undefined;
}
