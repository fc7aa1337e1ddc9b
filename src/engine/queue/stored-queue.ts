/**
 * A queue that no daemon runs, as its spool has it: what smtpctl(8) shows of it.
 *
 * Nobody knows what would be tried next, or how: routes and limits are the business of a
 * running queue. An envelope has its last result and whether it is suspended.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { MessageText } from "#model/delivery.ts";
import { EVPID_DIGITS, msgidOf } from "#model/ids.ts";
import type { Target } from "#model/ipc/control-link.ts";
import type { StoredEnvelope, StoredMessage } from "#engine/spool/spool.ts";
import { compileFilter } from "./filter.ts";
import type { QueuedEnvelope } from "./show.ts";

/** What reads a spool without changing it. */
export interface SpoolReading {
  /** In the order of acceptance. */
  readonly messages: readonly StoredMessage[];
  /** Of a message that is there. */
  text(msgid: string): MessageText;
}

/** Envelopes in one slice. */
const SLICE = 1000;

export class StoredQueue {
  readonly #spool: SpoolReading;
  readonly #clock: Clock;

  constructor(spool: SpoolReading, clock: Clock) {
    this.#spool = spool;
    this.#clock = clock;
  }

  async *envelopes(target: Target): AsyncGenerator<readonly QueuedEnvelope[]> {
    const nowMs = this.#clock.wallMs();
    const filter = target.kind === "matching" ? compileFilter(target.filter) : undefined;
    let left = (target.kind === "matching" ? target.limit : undefined) ?? Number.POSITIVE_INFINITY;
    let slice: QueuedEnvelope[] = [];
    for (const queued of this.#under(target)) {
      if (left === 0) break;
      if (filter?.matches(queued, nowMs) === false) continue;
      left--;
      slice.push(queued);
      if (slice.length < SLICE) continue;
      yield slice;
      slice = [];
    }
    yield slice;
  }

  async count(target: Target): Promise<number> {
    let count = 0;
    for await (const some of this.envelopes(target)) count += some.length;
    return count;
  }

  text(id: string): MessageText | undefined {
    const msgid = msgidOf(id);
    const message = this.#spool.messages.find((each) => each.message.msgid === msgid);
    if (message === undefined) return undefined;
    const isThere =
      id.length !== EVPID_DIGITS || message.envelopes.some(({ envelope }) => envelope.evpid === id);
    return isThere ? this.#spool.text(msgid) : undefined;
  }

  *#under(target: Target): Generator<QueuedEnvelope> {
    const id =
      target.kind === "id" ? target.id : target.kind === "matching" ? target.within : undefined;
    for (const { message, envelopes } of this.#spool.messages) {
      if (id !== undefined && msgidOf(id) !== message.msgid) continue;
      for (const stored of envelopes) {
        if (id?.length === EVPID_DIGITS && id !== stored.envelope.evpid) continue;
        yield shown(message, stored);
      }
    }
  }
}

function shown(message: StoredMessage["message"], stored: StoredEnvelope): QueuedEnvelope {
  const { envelope, retryCount, lastTryAtMs, lastResult, held } = stored;
  return {
    message,
    envelope,
    reason: { kind: "offline", isSuspended: held },
    retryCount,
    lastTryAtMs,
    expiresAtMs: message.acceptedAtMs + envelope.ttlMs,
    lastError: lastResult?.diagnostic ?? "",
    route: "",
  };
}
