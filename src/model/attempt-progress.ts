/**
 * How far an attempt is. Whoever has it in hand leaves there what knows it: an assignment a
 * step, and nothing is sent. It is asked for when an operator wants to see it.
 */
import { type Codec, oneOf, struct, text } from "#base/codec.ts";
import { MAX_NAME_BYTES } from "./envelope.ts";

/** In the order in which they come. */
export const STAGES = [
  /** With who carries it out, or on the way there; of a delivery agent no more is known. */
  "begun",
  "dns",
  /** It waits for a connection that others have, or may not be opened yet. */
  "connection",
  "connecting",
  /** Until the server is ready for mail: its greeting, EHLO and AUTH. */
  "greeting",
  "tls",
  "sending",
  /** All is sent: what the server says of it is waited for. */
  "reply",
] as const;
export type AttemptStage = (typeof STAGES)[number];

/** What knows how far it is. */
export interface Staged {
  readonly stage: AttemptStage;
  /** The server, or "". */
  readonly remote: string;
}

export const BEGUN: Staged = Object.freeze({ stage: "begun", remote: "" });
export const ASKING_DNS: Staged = Object.freeze({ stage: "dns", remote: "" });

/** Of one attempt. */
export class AttemptProgress {
  at: Staged = BEGUN;
}

export const stagedCodec: Codec<Staged> = struct<Staged>({
  stage: oneOf(STAGES),
  remote: text(MAX_NAME_BYTES),
});
