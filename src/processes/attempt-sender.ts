/**
 * The carrier that lives in another process: gives delivery attempts to whoever
 * is at the other end of a channel and waits for the results.
 *
 * When the channel is lost, every attempt under way is answered "deferred": the
 * other process may or may not have delivered, so the queue tries again. That is
 * the one window in which a message can arrive twice (docs/durability.md).
 *
 * Of a large text one piece at a time is on its way for each attempt, and none while what
 * was sent has not left: who asks and does not read makes nothing grow.
 */
import { FilesError } from "#base/ports/files.ts";
import type { Carrier, DeliveryResult, DeliveryTask, MessageText } from "#model/delivery.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";
import {
  type AttemptReply,
  type AttemptRequest,
  MAX_CHUNK_BYTES,
} from "#model/ipc/attempt-link.ts";
import type { CarriedText } from "#model/ipc/carried-text.ts";
import type { Channel } from "./channel.ts";

/** An attempt, by its number on the channel. */
export interface AttemptAt {
  readonly attempt: number;
  readonly evpids: readonly string[];
}

interface UnderWay {
  readonly task: DeliveryTask;
  readonly resolve: (results: readonly DeliveryResult[]) => void;
  /** Where the reader of a large text stands. */
  reader: TextReader | undefined;
  /** The piece that is wanted next: what was asked for before it is not wanted any more. */
  asked: Piece | undefined;
  state: "waiting" | "reading";
}

interface Piece {
  readonly offset: number;
  readonly length: number;
}

/** To the other process. */
export type AttemptChannel = Pick<Channel<AttemptRequest>, "send" | "congested">;

export class AttemptSender implements Carrier {
  readonly #channel: AttemptChannel;
  readonly #underWay = new Map<number, UnderWay>();
  #lastAttempt = 0;
  #lost: string | undefined;

  constructor(channel: AttemptChannel) {
    this.#channel = channel;
  }

  /** Attempts that wait for their results. */
  get count(): number {
    return this.#underWay.size;
  }

  /** Attempts that are about one of `evpids`, with those of them. */
  attemptsAt(evpids: ReadonlySet<string>): readonly AttemptAt[] {
    const found: AttemptAt[] = [];
    for (const [attempt, { task }] of this.#underWay) {
      const meant = task.envelopes.map(({ evpid }) => evpid).filter((evpid) => evpids.has(evpid));
      if (meant.length > 0) found.push({ attempt, evpids: meant });
    }
    return found;
  }

  async attempt(task: DeliveryTask): Promise<readonly DeliveryResult[]> {
    let text: CarriedText = { kind: "apart" };
    if (task.text.bytes <= INLINE_TEXT_BYTES) {
      try {
        text = { kind: "inline", bytes: await wholeText(task.text) };
      } catch (error) {
        if (!(error instanceof FilesError)) throw error;
        return deferAll(task, "4.3.0", "The stored text could not be read");
      }
    }
    if (this.#lost !== undefined) return deferAll(task, "4.3.0", this.#lost);
    const attempt = this.#nextAttempt();
    const { promise, resolve } = Promise.withResolvers<readonly DeliveryResult[]>();
    this.#underWay.set(attempt, {
      task,
      resolve,
      reader: undefined,
      asked: undefined,
      state: "waiting",
    });
    const { message, envelopes } = task;
    this.#channel.send({ kind: "attempt", attempt, message, envelopes, text });
    return promise;
  }

  /** Takes what the other side says. Frames about an attempt that is over are ignored. */
  reply(reply: AttemptReply): void {
    const underWay = this.#underWay.get(reply.attempt);
    if (underWay === undefined) return;
    if (reply.kind === "text-read") {
      underWay.asked = reply;
      void this.#sendTexts(reply.attempt, underWay);
      return;
    }
    this.#underWay.delete(reply.attempt);
    underWay.reader?.close();
    underWay.resolve(reply.results);
  }

  /** The channel is gone: answers everything that waits, and all that is still asked. */
  lost(why: string): void {
    this.#lost = why;
    for (const { task, resolve, reader } of this.#underWay.values()) {
      reader?.close();
      resolve(deferAll(task, "4.3.0", why));
    }
    this.#underWay.clear();
  }

  /** What was sent has left: there is room for more. */
  drained(): void {
    for (const [attempt, underWay] of this.#underWay) void this.#sendTexts(attempt, underWay);
  }

  async #sendTexts(attempt: number, underWay: UnderWay): Promise<void> {
    if (underWay.state === "reading") return;
    underWay.state = "reading";
    while (underWay.asked !== undefined && !this.#channel.congested) {
      const { asked } = underWay;
      underWay.asked = undefined;
      await this.#sendText(attempt, underWay, asked);
    }
    underWay.state = "waiting";
  }

  async #sendText(attempt: number, underWay: UnderWay, { offset, length }: Piece): Promise<void> {
    try {
      underWay.reader ??= new TextReader(underWay.task.text);
      const bytes = await underWay.reader.read(offset, Math.min(length, MAX_CHUNK_BYTES));
      this.#channel.send({ kind: "text", attempt, offset, bytes });
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      // The other side defers: a text that cannot be read now may be readable later.
      this.#channel.send({ kind: "text-unreadable", attempt });
    }
  }

  #nextAttempt(): number {
    do {
      this.#lastAttempt = (this.#lastAttempt + 1) % 0x1_0000_0000;
    } while (this.#underWay.has(this.#lastAttempt));
    return this.#lastAttempt;
  }
}

/** One result for each envelope of `task`, all of them "deferred". */
export function deferAll(
  task: Pick<DeliveryTask, "envelopes">,
  status: string,
  diagnostic: string,
): readonly DeliveryResult[] {
  return task.envelopes.map(({ evpid }) => ({
    evpid,
    outcome: "deferred",
    status,
    diagnostic,
    remote: "",
  }));
}

async function wholeText(text: MessageText): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of text.chunks()) chunks.push(chunk);
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

/**
 * Reads a text in pieces, mostly in order; a step back starts anew. It must be closed: who
 * has all bytes of a text asks for no more, and the file would stay open.
 */
class TextReader {
  readonly #text: MessageText;
  #chunks: AsyncIterator<Uint8Array>;
  /** Offset of the first byte of `#rest`. */
  #at = 0;
  #rest: Uint8Array = new Uint8Array();

  constructor(text: MessageText) {
    this.#text = text;
    this.#chunks = text.chunks()[Symbol.asyncIterator]();
  }

  /** Up to `length` bytes at `offset`; empty only at the end. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset < this.#at) {
      this.close();
      this.#chunks = this.#text.chunks()[Symbol.asyncIterator]();
      this.#at = 0;
      this.#rest = new Uint8Array();
    }
    while (this.#at + this.#rest.length <= offset) {
      this.#at += this.#rest.length;
      const next = await this.#chunks.next();
      this.#rest = next.done === true ? new Uint8Array() : next.value;
      if (next.done === true) return this.#rest;
    }
    this.#rest = this.#rest.subarray(offset - this.#at);
    this.#at = offset;
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(bytes.length);
    this.#at += bytes.length;
    return bytes;
  }

  /** Lets go of the text; a read under way ends first. */
  close(): void {
    void this.#chunks.return?.();
  }
}
