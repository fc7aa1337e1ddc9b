/**
 * How the text of a message crosses between processes: in the frame that is about the
 * message while it is small, else in frames of its own.
 */
import { bytes, type Codec, oneOf } from "#base/codec.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";

export type CarriedText =
  /** The whole text. */
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  /** It goes ahead of an `accept`; who gets an `attempt` asks for it. */
  | { readonly kind: "apart" };

const kindCodec: Codec<CarriedText["kind"]> = oneOf(["inline", "apart"]);
const bytesCodec: Codec<Uint8Array> = bytes(INLINE_TEXT_BYTES);

/** Written out for speed, as in model/envelope.ts. */
export const carriedTextCodec: Codec<CarriedText> = {
  write(writer, text) {
    kindCodec.write(writer, text.kind);
    if (text.kind === "inline") bytesCodec.write(writer, text.bytes);
  },
  read: (reader) =>
    kindCodec.read(reader) === "inline"
      ? { kind: "inline", bytes: bytesCodec.read(reader) }
      : { kind: "apart" },
};
