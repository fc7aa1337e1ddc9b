/**
 * Frames between a dispatcher and the queue: messages go in, attempts come out.
 *
 * A message of up to INLINE_TEXT_BYTES crosses in one frame; the text of a larger
 * one goes ahead of it in chunks, each acknowledged (`blob-took`).
 */
import {
  type Codec,
  hex,
  list,
  oneOf,
  pieces,
  u32,
  u53,
  union,
  type Variants,
} from "#base/codec.ts";
import { type Envelope, envelopesCodec, type Message, messageCodec } from "#model/envelope.ts";
import { MSGID_DIGITS } from "#model/ids.ts";
import {
  type AttemptReply,
  type AttemptRequest,
  attemptReplyVariants,
  attemptRequestVariants,
  MAX_CHUNK_BYTES,
} from "./attempt-link.ts";
import { type CarriedText, carriedTextCodec } from "./carried-text.ts";
import {
  type ViewAnswer,
  viewAnswerVariants,
  type ViewQuestion,
  viewQuestionVariants,
} from "./view-link.ts";
import {
  type ForwardAnswer,
  forwardAnswerVariants,
  type ForwardQuestion,
  forwardQuestionVariants,
} from "./forward-link.ts";

/** How many fresh msgids the queue grants at once. */
export const MSGID_GRANT = 1024;

export type IntakeRequest =
  /** A text that is apart went ahead as `blob-write` under this msgid. */
  | {
      readonly kind: "accept";
      readonly message: Message;
      readonly envelopes: readonly Envelope[];
      readonly text: CarriedText;
    }
  | { readonly kind: "blob-write"; readonly msgid: string; readonly text: readonly Uint8Array[] }
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

export type DispatcherToQueue = IntakeRequest | AttemptReply | ForwardAnswer | ViewAnswer;
export type QueueToDispatcher = IntakeReply | AttemptRequest | ForwardQuestion | ViewQuestion;

const msgidCodec: Codec<string> = hex(MSGID_DIGITS);
const outcomeCodec: Codec<"accepted" | "full" | "failed"> = oneOf(["accepted", "full", "failed"]);

// One of each crosses with every message: written out for speed, as in model/envelope.ts.

const acceptCodec: Codec<IntakeRequest & { readonly kind: "accept" }> = {
  write(writer, { message, envelopes, text }) {
    messageCodec.write(writer, message);
    envelopesCodec.write(writer, envelopes);
    carriedTextCodec.write(writer, text);
  },
  read: (reader) => ({
    kind: "accept",
    message: messageCodec.read(reader),
    envelopes: envelopesCodec.read(reader),
    text: carriedTextCodec.read(reader),
  }),
};

const receiptCodec: Codec<IntakeReply & { readonly kind: "receipt" }> = {
  write(writer, { msgid, outcome }) {
    msgidCodec.write(writer, msgid);
    outcomeCodec.write(writer, outcome);
  },
  read: (reader) => ({
    kind: "receipt",
    msgid: msgidCodec.read(reader),
    outcome: outcomeCodec.read(reader),
  }),
};

const intakeRequestVariants: Variants<IntakeRequest> = {
  accept: [1, acceptCodec],
  "blob-write": [2, { msgid: msgidCodec, text: pieces(MAX_CHUNK_BYTES) }],
  "blob-drop": [3, { msgid: msgidCodec }],
  "msgids-wanted": [4, {}],
};

const intakeReplyVariants: Variants<IntakeReply> = {
  msgids: [1, { msgids: list(msgidCodec, MSGID_GRANT) }],
  room: [2, { freeBytes: u53 }],
  receipt: [3, receiptCodec],
  "blob-took": [
    4,
    { msgid: msgidCodec, bytes: u32, outcome: oneOf(["written", "full", "failed"]) },
  ],
};

export const dispatcherToQueueCodec: Codec<DispatcherToQueue> = union<DispatcherToQueue>({
  ...intakeRequestVariants,
  ...attemptReplyVariants,
  ...forwardAnswerVariants,
  ...viewAnswerVariants,
});

export const queueToDispatcherCodec: Codec<QueueToDispatcher> = union<QueueToDispatcher>({
  ...intakeReplyVariants,
  ...attemptRequestVariants,
  ...forwardQuestionVariants,
  ...viewQuestionVariants,
});
