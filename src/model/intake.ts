/**
 * The door of the queue: how a server session hands a message over.
 *
 * "accepted" is a promise: the message and all its envelopes are durable.
 */
import type { Envelope, Message } from "./envelope.ts";

/** Texts up to this size are kept in memory and become part of one record. */
export const INLINE_TEXT_BYTES: number = 256 * 1024;

export type Receipt =
  | { readonly kind: "accepted" }
  /** "full": no room on disk or in the queue. "failed": a write or sync failed. Both are the client's to retry. */
  | { readonly kind: "refused"; readonly why: "full" | "failed" };

/** One message on its way in. Exactly one of `commit` and `abort` ends it. */
export interface Submission {
  readonly msgid: string;
  /**
   * Adds text, which the queue then owns. False asks the caller to stop until
   * `drained` resolves. After a failure further text is dropped and `commit` says "refused".
   */
  write(text: Uint8Array): boolean;
  drained(): Promise<void>;
  /** Resolves once the message is durable, or refused. `message.textBytes` must be what was written. */
  commit(message: Message, envelopes: readonly Envelope[]): Promise<Receipt>;
  abort(): void;
}

export interface Intake {
  /** Whether there is room for a message of `bytes` now (0: size not known); asked at MAIL. */
  hasRoom(bytes: number): boolean;
  /** Starts a message under a new msgid; undefined when the queue cannot be reached now. */
  open(): Submission | undefined;
}
