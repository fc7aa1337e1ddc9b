/**
 * What a spool may hold after a crash, worked out from what its callers were told.
 *
 * A batch that was "durable" is there. One whose answer never came may be there,
 * whole or not at all. One that was refused may only be there if nothing was made
 * durable after it. Everything else is a fault, and is named.
 */
import type {
  CommitOutcome,
  Spool,
  SpoolEntry,
  StoredEnvelope,
  StoredMessage,
} from "#engine/spool/spool.ts";
import { msgidOf } from "#model/ids.ts";
import { deferred, readAll } from "./mail.ts";

interface Tried {
  readonly batch: readonly SpoolEntry[];
  /** "open" while no answer came; "void" if it was refused and something was durable later. */
  fate: CommitOutcome | "open" | "void";
}

/** Whether a batch must, may or must not have had its effect. */
type Effect = "sure" | "possible" | "none";

export class SpoolModel {
  readonly #batches: Tried[] = [];
  readonly #texts = new Map<string, Uint8Array>();

  /** The texts that `accepted` entries are about to name. */
  expectText(msgid: string, text: Uint8Array): void {
    this.#texts.set(msgid, text);
  }

  async commit(spool: Spool, batch: readonly SpoolEntry[]): Promise<CommitOutcome> {
    const tried: Tried = { batch, fate: "open" };
    this.#batches.push(tried);
    const outcome = await spool.commit(batch);
    tried.fate = outcome;
    if (outcome === "durable") {
      for (const each of this.#batches) {
        if (each.fate === "full" || each.fate === "failed") each.fate = "void";
      }
    }
    return outcome;
  }

  /**
   * A new run found this, and goes on from it: all of that is there for good, and nothing
   * else comes back. What was tried and held then is as it was found.
   */
  adopt(found: readonly StoredMessage[]): void {
    this.#batches.length = 0;
    for (const { message, envelopes } of found) {
      const batch: SpoolEntry[] = [
        { kind: "accepted", message, envelopes: envelopes.map((each) => each.envelope), text: [] },
      ];
      for (const { envelope, retryCount, lastResult, held } of envelopes) {
        const { evpid } = envelope;
        if (lastResult !== undefined) batch.push(deferred(evpid, retryCount));
        if (held) batch.push({ kind: "held", evpid, atMs: 0, held });
      }
      this.#batches.push({ batch, fate: "durable" });
    }
  }

  /** The envelopes that must be there. */
  openEnvelopes(): readonly string[] {
    return this.#acceptedEnvelopes().filter((evpid) => this.#expected(evpid) === "sure");
  }

  /** Every way in which `spool`, which recovered `found`, breaks a promise. */
  async faults(spool: Spool, found: readonly StoredMessage[]): Promise<readonly string[]> {
    const present = new Map(
      found.flatMap(({ envelopes }) => envelopes.map((each) => [each.envelope.evpid, each])),
    );
    const faults: string[] = [];
    for (const evpid of this.#acceptedEnvelopes()) {
      const expected = this.#expected(evpid);
      if (expected === "sure" && !present.has(evpid)) faults.push(`lost: ${evpid}`);
      if (expected === "none" && present.has(evpid)) faults.push(`came back: ${evpid}`);
    }
    for (const stored of present.values()) faults.push(...this.#stateFaults(stored));
    for (const { batch, fate } of this.#batches) {
      if (fate === "open" && isHalf(batch, present)) faults.push(`half: ${inWords(batch)}`);
    }
    for (const { message } of found) faults.push(...(await this.#textFaults(spool, message.msgid)));
    return faults;
  }

  #stateFaults({ envelope, ...state }: StoredEnvelope): readonly string[] {
    const { evpid } = envelope;
    const faults: string[] = [];
    if (!this.#acceptedEnvelopes().includes(evpid)) faults.push(`unknown: ${evpid}`);
    if (!this.#retryCounts(evpid).includes(state.retryCount)) {
      faults.push(`${evpid} has retry count ${state.retryCount}`);
    }
    const triedAtMs = state.lastResult === undefined ? 0 : state.retryCount * 1000;
    if (state.lastTryAtMs !== triedAtMs) faults.push(`${evpid} has another attempt's time`);
    if (state.warnedMs !== triedAtMs / 100) faults.push(`${evpid}: another delay was told`);
    if (!this.#heldStates(evpid).includes(state.held)) faults.push(`${evpid}: held is wrong`);
    return faults;
  }

  async #textFaults(spool: Spool, msgid: string): Promise<readonly string[]> {
    const expected = this.#texts.get(msgid) ?? new Uint8Array(0);
    const text = spool.text(msgid);
    if (text.bytes !== expected.length) return [`text of ${msgid} has ${text.bytes} bytes`];
    const read = await readAll(text.chunks());
    return Buffer.compare(read, expected) === 0 ? [] : [`text of ${msgid} was altered`];
  }

  #acceptedEnvelopes(): readonly string[] {
    return this.#batches.flatMap(({ batch }) =>
      batch.flatMap((entry) =>
        entry.kind === "accepted" ? entry.envelopes.map(({ evpid }) => evpid) : [],
      ),
    );
  }

  /** Whether an envelope must, may or must not be there. */
  #expected(evpid: string): Effect {
    let arrived: Effect = "none";
    let finished: Effect = "none";
    for (const { batch, fate } of this.#batches) {
      const effect = effectOf(fate);
      for (const entry of batch) {
        if (accepts(entry, evpid)) arrived = stronger(arrived, effect);
        if (finishes(entry, evpid)) finished = stronger(finished, effect);
      }
    }
    if (arrived === "none" || finished === "sure") return "none";
    return arrived === "sure" && finished === "none" ? "sure" : "possible";
  }

  #retryCounts(evpid: string): readonly number[] {
    return this.#possible(evpid, 0, (entry) =>
      entry.kind === "deferred" ? entry.retryCount : undefined,
    );
  }

  #heldStates(evpid: string): readonly boolean[] {
    return this.#possible(evpid, false, (entry) =>
      entry.kind === "held" ? entry.held : undefined,
    );
  }

  /** The values that entries about an envelope may have left, the last sure one included. */
  #possible<Value>(
    evpid: string,
    before: Value,
    valueIn: (entry: SpoolEntry) => Value | undefined,
  ): readonly Value[] {
    let possible = [before];
    for (const { batch, fate } of this.#batches) {
      const effect = effectOf(fate);
      for (const entry of batch) {
        if (entry.kind === "accepted" || entry.evpid !== evpid || effect === "none") continue;
        const value = valueIn(entry);
        if (value === undefined) continue;
        possible = effect === "sure" ? [value] : [...possible, value];
      }
    }
    return possible;
  }
}

function effectOf(fate: Tried["fate"]): Effect {
  if (fate === "durable") return "sure";
  return fate === "void" ? "none" : "possible";
}

function stronger(one: Effect, other: Effect): Effect {
  if (one === "sure" || other === "sure") return "sure";
  return one === "possible" || other === "possible" ? "possible" : "none";
}

function accepts(entry: SpoolEntry, evpid: string): boolean {
  return entry.kind === "accepted" && entry.message.msgid === msgidOf(evpid);
}

function finishes(entry: SpoolEntry, evpid: string): boolean {
  return (
    (entry.kind === "delivered" || entry.kind === "failed" || entry.kind === "removed") &&
    entry.evpid === evpid
  );
}

function inWords(batch: readonly SpoolEntry[]): string {
  const words = batch.map(
    (entry) => `${entry.kind} ${entry.kind === "accepted" ? entry.message.msgid : entry.evpid}`,
  );
  return words.join(" with ");
}

/** Whether some entries of a batch had their effect and others had not. */
function isHalf(
  batch: readonly SpoolEntry[],
  present: ReadonlyMap<string, StoredEnvelope>,
): boolean {
  const effects = batch.flatMap((entry) => {
    if (entry.kind === "accepted") return entry.envelopes.map(({ evpid }) => present.has(evpid));
    if (entry.kind === "held") return [];
    const stored = present.get(entry.evpid);
    if (entry.kind !== "deferred") return [stored === undefined];
    // Retry counts only grow; whether an envelope that is finished was deferred before is not to be seen.
    return stored === undefined ? [] : [stored.retryCount >= entry.retryCount];
  });
  return new Set(effects).size > 1;
}
