/**
 * A spool in memory whose process can be killed: what was durable then is what the
 * next one recovers. Commits can be made to fail, and to be lost without an answer.
 */
import { RamSpool } from "#engine/spool/ram-spool.ts";
import type { Blob, CommitOutcome, Spool, SpoolEntry, StoredMessage } from "#engine/spool/spool.ts";
import { Unfinished } from "#engine/spool/unfinished.ts";
import type { MessageText } from "#model/delivery.ts";

/** What survives a crash. */
export interface Remains {
  readonly entries: readonly SpoolEntry[];
}

/** Decides about a batch before it is stored; "vanish" is a crash in the middle: no answer, ever. */
export type CommitFate = (batch: readonly SpoolEntry[]) => CommitOutcome | "vanish";

export class CrashableSpool implements Spool {
  readonly #ram: RamSpool;
  readonly #entries: SpoolEntry[] = [];
  fate: CommitFate = () => "durable";
  /** "dead": the process was killed; whatever it still asks has no effect. */
  #state: "alive" | "dead" = "alive";

  constructor(remains: Remains = { entries: [] }) {
    const fold = new Unfinished();
    const texts = new Map<string, readonly Uint8Array[]>();
    for (const entry of remains.entries) {
      this.#entries.push(entry);
      if (entry.kind === "accepted" && entry.text !== "blob") {
        texts.set(entry.message.msgid, entry.text);
      }
      fold.apply(entry);
    }
    this.#ram = new RamSpool({ recovered: fold.take(), texts });
  }

  /** All entries that were ever durable, in order. */
  get entries(): readonly SpoolEntry[] {
    return this.#entries;
  }

  /** Kills the process: nothing that it does afterwards reaches the disk. */
  crash(): Remains {
    this.#state = "dead";
    return { entries: this.#entries };
  }

  recovered(): AsyncIterable<readonly StoredMessage[]> {
    return this.#ram.recovered();
  }

  async commit(batch: readonly SpoolEntry[]): Promise<CommitOutcome> {
    if (this.#state === "dead") return new Promise(() => undefined);
    const fate = this.fate(batch);
    if (fate === "vanish") return new Promise(() => undefined);
    if (fate !== "durable") return fate;
    const outcome = await this.#ram.commit(batch);
    if (outcome === "durable") this.#entries.push(...batch);
    return outcome;
  }

  openBlob(msgid: string): Blob {
    return this.#ram.openBlob(msgid);
  }

  text(msgid: string): MessageText {
    return this.#ram.text(msgid);
  }

  has(msgid: string): boolean {
    return this.#ram.has(msgid);
  }

  hasRoom(bytes: number): boolean {
    return this.#ram.hasRoom(bytes);
  }

  close(): Promise<void> {
    return this.#ram.close();
  }
}
