/**
 * Frames of a delivery attempt: from the queue to a dispatcher, and from a
 * dispatcher to an agent. The text of a small message comes with the attempt; a
 * large one is asked for piece by piece.
 */
import { bytes, type Codec, u32, u53, type Variants } from "#base/codec.ts";
import { type DeliveryResult, deliveryResultsCodec } from "#model/delivery.ts";
import { type Envelope, envelopesCodec, type Message, messageCodec } from "#model/envelope.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";
import { type CarriedText, carriedTextCodec } from "./carried-text.ts";

/** Largest piece of a large text in one frame. */
export const MAX_CHUNK_BYTES: number = INLINE_TEXT_BYTES;

/** From the one who has the message. `attempt` numbers the frames that belong together. */
export type AttemptRequest =
  | {
      readonly kind: "attempt";
      readonly attempt: number;
      readonly message: Message;
      readonly envelopes: readonly Envelope[];
      readonly text: CarriedText;
    }
  /** Answers `text-read`. */
  | {
      readonly kind: "text";
      readonly attempt: number;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  /** Answers `text-read` when the stored text could not be read. */
  | { readonly kind: "text-unreadable"; readonly attempt: number };

/** From the one who tries to deliver it. */
export type AttemptReply =
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

/** Written out for speed, as in model/envelope.ts. */
const attemptCodec: Codec<AttemptRequest & { readonly kind: "attempt" }> = {
  write(writer, { attempt, message, envelopes, text }) {
    u32.write(writer, attempt);
    messageCodec.write(writer, message);
    envelopesCodec.write(writer, envelopes);
    carriedTextCodec.write(writer, text);
  },
  read: (reader) => ({
    kind: "attempt",
    attempt: u32.read(reader),
    message: messageCodec.read(reader),
    envelopes: envelopesCodec.read(reader),
    text: carriedTextCodec.read(reader),
  }),
};

export const attemptRequestVariants: Variants<AttemptRequest> = {
  attempt: [33, attemptCodec],
  text: [34, { attempt: u32, offset: u53, bytes: bytes(MAX_CHUNK_BYTES) }],
  "text-unreadable": [37, { attempt: u32 }],
};

export const attemptReplyVariants: Variants<AttemptReply> = {
  results: [35, { attempt: u32, results: deliveryResultsCodec }],
  "text-read": [36, { attempt: u32, offset: u53, length: u32 }],
};
