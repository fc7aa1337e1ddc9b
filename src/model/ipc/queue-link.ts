/**
 * Frames between a dispatcher and the queue.
 *
 * A message of up to INLINE_TEXT_BYTES crosses in one frame; the text of a larger
 * one goes ahead of it in chunks, each acknowledged (`blob-took`), and comes back
 * in chunks that the dispatcher asks for (`text-read`).
 */
import { bool, bytes, type Codec, hex, list, oneOf, u32, u53, union } from "#base/codec.ts";
import { type DeliveryResult, deliveryResultsCodec } from "#model/delivery.ts";
import { type Envelope, envelopesCodec, type Message, messageCodec } from "#model/envelope.ts";
import { MSGID_DIGITS } from "#model/ids.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";

/** Largest piece of a large text in one frame. */
export const MAX_CHUNK_BYTES: number = INLINE_TEXT_BYTES;
/** How many fresh msgids the queue grants at once. */
export const MSGID_GRANT = 1024;

export type DispatcherToQueue =
  /** `text` is empty when the text went ahead as blob frames under this msgid. */
  | {
      readonly kind: "accept";
      readonly message: Message;
      readonly envelopes: readonly Envelope[];
      readonly inBlob: boolean;
      readonly text: Uint8Array;
    }
  | { readonly kind: "blob-write"; readonly msgid: string; readonly bytes: Uint8Array }
  | { readonly kind: "blob-drop"; readonly msgid: string }
  | {
      readonly kind: "results";
      readonly attempt: number;
      readonly results: readonly DeliveryResult[];
    }
  | {
      readonly kind: "text-read";
      readonly attempt: number;
      readonly offset: number;
      readonly length: number;
    };

export type QueueToDispatcher =
  | { readonly kind: "msgids"; readonly msgids: readonly string[] }
  | { readonly kind: "room"; readonly freeBytes: number }
  | {
      readonly kind: "receipt";
      readonly msgid: string;
      readonly outcome: "accepted" | "full" | "failed";
    }
  | {
      readonly kind: "blob-took";
      readonly msgid: string;
      readonly bytes: number;
      readonly ok: boolean;
    }
  /** `text` is the whole text if `inline`, else empty and read with `text-read`. */
  | {
      readonly kind: "attempt";
      readonly attempt: number;
      readonly message: Message;
      readonly envelopes: readonly Envelope[];
      readonly inline: boolean;
      readonly text: Uint8Array;
    }
  | {
      readonly kind: "text";
      readonly attempt: number;
      readonly offset: number;
      readonly ok: boolean;
      readonly bytes: Uint8Array;
    };

export const dispatcherToQueueCodec: Codec<DispatcherToQueue> = union<DispatcherToQueue>({
  accept: [
    1,
    {
      message: messageCodec,
      envelopes: envelopesCodec,
      inBlob: bool,
      text: bytes(INLINE_TEXT_BYTES),
    },
  ],
  "blob-write": [2, { msgid: hex(MSGID_DIGITS), bytes: bytes(MAX_CHUNK_BYTES) }],
  "blob-drop": [3, { msgid: hex(MSGID_DIGITS) }],
  results: [4, { attempt: u32, results: deliveryResultsCodec }],
  "text-read": [5, { attempt: u32, offset: u53, length: u32 }],
});

export const queueToDispatcherCodec: Codec<QueueToDispatcher> = union<QueueToDispatcher>({
  msgids: [1, { msgids: list(hex(MSGID_DIGITS), MSGID_GRANT) }],
  room: [2, { freeBytes: u53 }],
  receipt: [3, { msgid: hex(MSGID_DIGITS), outcome: oneOf(["accepted", "full", "failed"]) }],
  "blob-took": [4, { msgid: hex(MSGID_DIGITS), bytes: u32, ok: bool }],
  attempt: [
    5,
    {
      attempt: u32,
      message: messageCodec,
      envelopes: envelopesCodec,
      inline: bool,
      text: bytes(INLINE_TEXT_BYTES),
    },
  ],
  text: [6, { attempt: u32, offset: u53, ok: bool, bytes: bytes(MAX_CHUNK_BYTES) }],
});
