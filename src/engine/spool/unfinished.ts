/**
 * The fold that turns entries into the messages that are not finished: what each
 * entry does to the state of its envelope. Recovery and the memory spool share it.
 *
 * Entries about envelopes that are unknown or finished change nothing, so that a
 * damaged or doubled record does no more harm than its own loss.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import { msgidOf } from "#model/ids.ts";
import type { SpoolEntry, StoredEnvelope, StoredMessage } from "./spool.ts";

interface OpenMessage {
  readonly message: Message;
  /** By evpid, in the order of acceptance. */
  readonly envelopes: Map<string, StoredEnvelope>;
}

export class Unfinished {
  readonly #messages = new Map<string, OpenMessage>();

  /** Applies one entry; returns the msgid of the message that it finished, if it did. */
  apply(entry: SpoolEntry): string | undefined {
    switch (entry.kind) {
      case "accepted":
        this.restore({ message: entry.message, envelopes: entry.envelopes.map(untried) });
        return this.has(entry.message.msgid) ? undefined : entry.message.msgid;
      case "deferred":
        this.#change(entry.evpid, (before) => afterDeferral(before, entry));
        return undefined;
      case "held":
        this.#change(entry.evpid, (before) => ({ ...before, held: entry.held }));
        return undefined;
      case "delivered":
      case "failed":
      case "removed":
        return this.#finish(entry.evpid);
      default:
        return unreachable(entry);
    }
  }

  /** Puts a message in place of whatever was known of it; one without envelopes is finished. */
  restore(stored: StoredMessage): void {
    this.#messages.delete(stored.message.msgid);
    if (stored.envelopes.length === 0) return;
    const envelopes = new Map(stored.envelopes.map((each) => [each.envelope.evpid, each]));
    this.#messages.set(stored.message.msgid, { message: stored.message, envelopes });
  }

  has(msgid: string): boolean {
    return this.#messages.has(msgid);
  }

  /** Everything unfinished, in the order of acceptance; the fold is empty afterwards. */
  take(): readonly StoredMessage[] {
    const taken = [...this.#messages.values()].map(({ message, envelopes }) => ({
      message,
      envelopes: [...envelopes.values()],
    }));
    this.#messages.clear();
    return taken;
  }

  #change(evpid: string, changed: (before: StoredEnvelope) => StoredEnvelope): void {
    const envelopes = this.#messages.get(msgidOf(evpid))?.envelopes;
    const before = envelopes?.get(evpid);
    if (before !== undefined) envelopes?.set(evpid, changed(before));
  }

  #finish(evpid: string): string | undefined {
    const msgid = msgidOf(evpid);
    const envelopes = this.#messages.get(msgid)?.envelopes;
    if (envelopes?.delete(evpid) !== true || envelopes.size > 0) return undefined;
    return this.#drop(msgid);
  }

  #drop(msgid: string): string {
    this.#messages.delete(msgid);
    return msgid;
  }
}

/** An envelope as it is when it was just accepted. */
export function untried(envelope: Envelope): StoredEnvelope {
  return {
    envelope,
    retryCount: 0,
    lastTryAtMs: 0,
    warnedMs: 0,
    nextTryAtMs: 0,
    lastResult: undefined,
    held: false,
  };
}

/** The state of an envelope after it was deferred. */
export function afterDeferral(
  before: StoredEnvelope,
  entry: Extract<SpoolEntry, { kind: "deferred" }>,
): StoredEnvelope {
  return {
    ...before,
    retryCount: entry.retryCount,
    lastTryAtMs: entry.atMs,
    nextTryAtMs: entry.nextTryAtMs,
    warnedMs: entry.warnedMs,
    lastResult: entry.result,
  };
}
