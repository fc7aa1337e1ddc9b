/**
 * `~/.forward`: the question, which a dispatcher asks the agent of the account, and
 * its answer. Only the agent may read there; the dispatcher reads what the text says.
 */
import { type Codec, text, union } from "#base/codec.ts";
import { MAX_NAME_BYTES } from "./envelope.ts";

/** A larger file is not read. OpenSMTPD's bound (forward.c); the text itself is below it. */
export const MAX_FORWARD_FILE_BYTES = 4096;
/** Bytes that are no UTF-8 become U+FFFD, of three bytes. */
const MAX_TEXT_BYTES: number = 3 * MAX_FORWARD_FILE_BYTES;

export type ForwardFile =
  | { readonly kind: "found"; readonly text: string }
  | { readonly kind: "absent" }
  /** It may not be used as it is, and that does not pass by itself. */
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "unavailable"; readonly why: string };

/** Reads forward files, as the accounts that they belong to. Never rejects the promise. */
export interface ForwardFiles {
  /** Of the account that `user` is to the action of that name. */
  read(action: string, user: string): ForwardFile | Promise<ForwardFile>;
}

export const forwardFileCodec: Codec<ForwardFile> = union<ForwardFile>({
  found: [1, { text: text(MAX_TEXT_BYTES) }],
  absent: [2, {}],
  refused: [3, { why: text(MAX_NAME_BYTES) }],
  unavailable: [4, { why: text(MAX_NAME_BYTES) }],
});
