/**
 * What the rest of the queue knows of its storage. Backends: the journal
 * (journal-spool.ts) and memory (ram-spool.ts, tests).
 *
 * A batch of entries is all or nothing: after a crash either each of its entries
 * is there or none. Batches become durable in the order of the calls; only one
 * with a blob waits for that blob and may be overtaken. What a batch depends on
 * must be "durable" before it is committed.
 */
import type { DeliveryResult, MessageText } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";

/** One thing that happened, as it is kept. Times are wall-clock milliseconds. */
export type SpoolEntry =
  /**
   * `text` holds the text in order, or is "blob" when it was written with `openBlob`.
   * The spool keeps these arrays; their bytes must not change any more.
   */
  | {
      readonly kind: "accepted";
      readonly message: Message;
      readonly envelopes: readonly Envelope[];
      readonly text: readonly Uint8Array[] | "blob";
    }
  | {
      readonly kind: "deferred";
      readonly evpid: string;
      readonly atMs: number;
      readonly retryCount: number;
      readonly nextTryAtMs: number;
      readonly warnedMs: number;
      readonly result: DeliveryResult;
    }
  | {
      readonly kind: "delivered";
      readonly evpid: string;
      readonly atMs: number;
      readonly result: DeliveryResult;
    }
  | {
      readonly kind: "failed";
      readonly evpid: string;
      readonly atMs: number;
      readonly result: DeliveryResult;
    }
  | { readonly kind: "removed"; readonly evpid: string; readonly atMs: number }
  | {
      readonly kind: "held";
      readonly evpid: string;
      readonly atMs: number;
      readonly held: boolean;
    };

/**
 * - "durable": the batch survives a crash.
 * - "full": no room; nothing of it is kept, and later batches may fit again.
 * - "failed": a write or sync failed; nothing of it may be believed. Storage goes on in a fresh segment.
 */
export type CommitOutcome = "durable" | "full" | "failed";

/** An envelope that is not finished, as recovery found it. */
export interface StoredEnvelope {
  readonly envelope: Envelope;
  readonly retryCount: number;
  /** 0 if it was never tried. */
  readonly lastTryAtMs: number;
  readonly nextTryAtMs: number;
  /** The delay that the sender was last told of (`bounce warn-interval`); 0: of none. */
  readonly warnedMs: number;
  readonly lastResult: DeliveryResult | undefined;
  readonly held: boolean;
}

export interface StoredMessage {
  readonly message: Message;
  readonly envelopes: readonly StoredEnvelope[];
}

/** The text of a large message while it arrives. */
export interface Blob {
  /** Resolves when the text is written (not yet durable). `text` is borrowed until then. */
  write(text: readonly Uint8Array[]): Promise<CommitOutcome>;
  /** Forgets the text; the `accepted` entry that names this blob makes it durable first. */
  drop(): Promise<void>;
}

export interface Spool {
  /**
   * What was not finished when the spool was opened: lists of bounded length, each made when it is
   * asked for, so that a million messages are never in memory at once. Walked at most once, to its
   * end, before anything is committed.
   * @throws {FilesError} if it cannot be read.
   */
  recovered(): AsyncIterable<readonly StoredMessage[]>;
  /** See SpoolEntry. A message whose envelopes are all delivered, failed or removed is gone, with its text. */
  commit(batch: readonly SpoolEntry[]): Promise<CommitOutcome>;
  openBlob(msgid: string): Blob;
  /** The text of a message that is not gone. */
  text(msgid: string): MessageText;
  has(msgid: string): boolean;
  /** Whether `bytes` more may be accepted; a reserve is kept for results and bounces. */
  hasRoom(bytes: number): boolean;
  /** Waits for what was committed, then closes. */
  close(): Promise<void>;
}
