/**
 * Frames of a delivery attempt: from the queue to a dispatcher, and from a
 * dispatcher to an agent. The text of a small message comes with the attempt; a
 * large one is asked for piece by piece.
 */
import { bool, bytes, type Codec, u32, u53, union, type Variants } from "#base/codec.ts";
import { type DeliveryResult, deliveryResultsCodec } from "#model/delivery.ts";
import { type Envelope, envelopesCodec, type Message, messageCodec } from "#model/envelope.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";

/** Largest piece of a large text in one frame. */
export const MAX_CHUNK_BYTES: number = INLINE_TEXT_BYTES;

/** From the one who has the message. `attempt` numbers the frames that belong together. */
export type AttemptRequest =
  /** `text` is the whole text if `inline`, else empty and asked for with `text-read`. */
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

const textCodec: Codec<Uint8Array> = bytes(INLINE_TEXT_BYTES);

/** Written out for speed, as in model/envelope.ts. */
const attemptCodec: Codec<AttemptRequest & { readonly kind: "attempt" }> = {
  write(writer, { attempt, message, envelopes, inline, text }) {
    u32.write(writer, attempt);
    messageCodec.write(writer, message);
    envelopesCodec.write(writer, envelopes);
    bool.write(writer, inline);
    textCodec.write(writer, text);
  },
  read: (reader) => ({
    kind: "attempt",
    attempt: u32.read(reader),
    message: messageCodec.read(reader),
    envelopes: envelopesCodec.read(reader),
    inline: bool.read(reader),
    text: textCodec.read(reader),
  }),
};

export const attemptRequestVariants: Variants<AttemptRequest> = {
  attempt: [33, attemptCodec],
  text: [34, { attempt: u32, offset: u53, ok: bool, bytes: bytes(MAX_CHUNK_BYTES) }],
};

export const attemptReplyVariants: Variants<AttemptReply> = {
  results: [35, { attempt: u32, results: deliveryResultsCodec }],
  "text-read": [36, { attempt: u32, offset: u53, length: u32 }],
};

export const attemptRequestCodec: Codec<AttemptRequest> = union(attemptRequestVariants);
export const attemptReplyCodec: Codec<AttemptReply> = union(attemptReplyVariants);
