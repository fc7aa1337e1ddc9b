/**
 * Frames between a dispatcher and the queue: messages go in, attempts come out.
 *
 * A message of up to INLINE_TEXT_BYTES crosses in one frame; the text of a larger
 * one goes ahead of it in chunks, each acknowledged (`blob-took`).
 */
import {
  bool,
  bytes,
  type Codec,
  hex,
  list,
  oneOf,
  u32,
  u53,
  union,
  type Variants,
} from "#base/codec.ts";
import { type Envelope, envelopesCodec, type Message, messageCodec } from "#model/envelope.ts";
import { MSGID_DIGITS } from "#model/ids.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";
import {
  type AttemptReply,
  type AttemptRequest,
  attemptReplyVariants,
  attemptRequestVariants,
  MAX_CHUNK_BYTES,
} from "./attempt-link.ts";

/** How many fresh msgids the queue grants at once. */
export const MSGID_GRANT = 1024;

export type IntakeRequest =
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
  /** The dispatcher is running out of msgids. */
  | { readonly kind: "msgids-wanted" };

export type IntakeReply =
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
      readonly outcome: "written" | "full" | "failed";
    };

export type DispatcherToQueue = IntakeRequest | AttemptReply;
export type QueueToDispatcher = IntakeReply | AttemptRequest;

const intakeRequestVariants: Variants<IntakeRequest> = {
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
  "msgids-wanted": [4, {}],
};

const intakeReplyVariants: Variants<IntakeReply> = {
  msgids: [1, { msgids: list(hex(MSGID_DIGITS), MSGID_GRANT) }],
  room: [2, { freeBytes: u53 }],
  receipt: [3, { msgid: hex(MSGID_DIGITS), outcome: oneOf(["accepted", "full", "failed"]) }],
  "blob-took": [
    4,
    { msgid: hex(MSGID_DIGITS), bytes: u32, outcome: oneOf(["written", "full", "failed"]) },
  ],
};

export const dispatcherToQueueCodec: Codec<DispatcherToQueue> = union<DispatcherToQueue>({
  ...intakeRequestVariants,
  ...attemptReplyVariants,
});

export const queueToDispatcherCodec: Codec<QueueToDispatcher> = union<QueueToDispatcher>({
  ...intakeReplyVariants,
  ...attemptRequestVariants,
});
