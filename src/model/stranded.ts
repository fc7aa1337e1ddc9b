/**
 * What a new configuration leaves waiting: envelopes in the queue whose action it does
 * not have. They are not lost; they go on when an action of that name is back.
 */
import { type Codec, list, struct, text, u53 } from "#base/codec.ts";
import { MAX_NAME_BYTES } from "./envelope.ts";

/** Names that are told; few configurations have as many actions. */
export const MAX_STRANDED_ACTIONS = 100;

export interface Stranded {
  readonly envelopes: number;
  /** The actions that are gone, each once, MAX_STRANDED_ACTIONS at most. */
  readonly actions: readonly string[];
}

export const NONE_STRANDED: Stranded = Object.freeze({ envelopes: 0, actions: [] });

export const strandedCodec: Codec<Stranded> = struct<Stranded>({
  envelopes: u53,
  actions: list(text(MAX_NAME_BYTES), MAX_STRANDED_ACTIONS),
});
