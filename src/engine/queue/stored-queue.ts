/**
 * A queue that no daemon runs, as its spool has it: what smtpctl(8) shows of it.
 *
 * Nobody knows what would be tried next, or how: routes and limits are the business of a
 * running queue. An envelope has its last result and whether it is suspended.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { MessageText } from "#model/delivery.ts";
import type { Target } from "#model/ipc/control-link.ts";
import type { StoredEnvelope, StoredMessage } from "#engine/spool/spool.ts";
import { compileFilter } from "./filter.ts";
import { idOf, isNamed, messageIdOf, mostOf } from "./meant.ts";
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
    let left = mostOf(target);
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
    const [found] = this.#under({ kind: "id", id });
    return found === undefined ? undefined : this.#spool.text(found.message.msgid);
  }

  *#under(target: Target): Generator<QueuedEnvelope> {
    const id = idOf(target);
    const msgid = id === undefined ? undefined : messageIdOf(id);
    for (const { message, envelopes } of this.#spool.messages) {
      if (id !== undefined && msgid !== message.msgid) continue;
      for (const stored of envelopes) {
        if (id !== undefined && !isNamed(stored.envelope.evpid, id)) continue;
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
