/**
 * The far end of an AttemptSender: carries out the attempts that come over a
 * channel with a carrier of this process, and sends the results back.
 */
import { FilesError } from "#base/ports/files.ts";
import { AttemptProgress, BEGUN, type Staged } from "#model/attempt-progress.ts";
import type { Carrier, MessageText } from "#model/delivery.ts";
import {
  type AttemptReply,
  type AttemptRequest,
  MAX_CHUNK_BYTES,
} from "#model/ipc/attempt-link.ts";

/** Who waits for a piece of a text. */
interface Waiting {
  readonly offset: number;
  readonly resolve: (answer: Uint8Array | FilesError) => void;
}

export class AttemptReceiver {
  readonly #send: (reply: AttemptReply) => void;
  readonly #carrier: Carrier;
  readonly #ended: () => void;
  /** Who waits for the next piece of a large text, by attempt. */
  readonly #readers = new Map<number, Waiting>();
  readonly #running = new Map<number, AttemptProgress>();
  #lost = false;

  /** @param ended is called after each attempt, when its results were sent. */
  constructor(
    send: (reply: AttemptReply) => void,
    carrier: Carrier,
    ended: () => void = () => undefined,
  ) {
    this.#send = send;
    this.#carrier = carrier;
    this.#ended = ended;
  }

  /** Attempts that have not been answered yet. */
  get count(): number {
    return this.#running.size;
  }

  /** How far each of these is. */
  stagesOf(attempts: readonly number[]): readonly Staged[] {
    return attempts.map((attempt) => {
      // What knows it is no plain value: it is read now.
      const { stage, remote } = this.#running.get(attempt)?.at ?? BEGUN;
      return { stage, remote };
    });
  }

  request(request: AttemptRequest): void {
    switch (request.kind) {
      case "attempt":
        void this.#run(request);
        return;
      case "text":
        // A piece of another place was wanted by who has let go of the text since.
        if (this.#readers.get(request.attempt)?.offset === request.offset)
          this.#answer(request.attempt, request.bytes);
        return;
      case "text-unreadable":
        this.#answer(request.attempt, new FilesError("EIO", "The queue could not read the text"));
        return;
    }
  }

  /** The channel is gone: results have nowhere to go (attempt-memory.ts has them), and no more text will come. */
  lost(): void {
    this.#lost = true;
    for (const { resolve } of this.#readers.values()) {
      resolve(new FilesError("EIO", "The queue is gone"));
    }
    this.#readers.clear();
  }

  async #run(request: AttemptRequest & { readonly kind: "attempt" }): Promise<void> {
    const { attempt, message, envelopes, text: carried } = request;
    const progress = new AttemptProgress();
    this.#running.set(attempt, progress);
    const text =
      carried.kind === "inline"
        ? inlineText(carried.bytes)
        : this.#remoteText(attempt, message.textBytes);
    const results = await this.#carrier.attempt({ message, envelopes, text, progress });
    this.#running.delete(attempt);
    if (!this.#lost) this.#send({ kind: "results", attempt, results });
    this.#ended();
  }

  #remoteText(attempt: number, bytes: number): MessageText {
    const read = (offset: number): Promise<Uint8Array> => this.#read(attempt, offset);
    return {
      bytes,
      async *chunks() {
        for (let at = 0; at < bytes; ) {
          const chunk = await read(at);
          if (chunk.length === 0) throw new FilesError("EIO", "The stored text ends too early");
          at += chunk.length;
          yield chunk;
        }
      },
    };
  }

  async #read(attempt: number, offset: number): Promise<Uint8Array> {
    if (this.#lost) throw new FilesError("EIO", "The queue is gone");
    const { promise, resolve } = Promise.withResolvers<Uint8Array | FilesError>();
    this.#readers.set(attempt, { offset, resolve });
    this.#send({ kind: "text-read", attempt, offset, length: MAX_CHUNK_BYTES });
    const answer = await promise;
    if (answer instanceof FilesError) throw answer;
    return answer;
  }

  #answer(attempt: number, answer: Uint8Array | FilesError): void {
    const waiting = this.#readers.get(attempt);
    this.#readers.delete(attempt);
    waiting?.resolve(answer);
  }
}

function inlineText(bytes: Uint8Array): MessageText {
  return {
    bytes: bytes.length,
    async *chunks() {
      yield bytes;
    },
  };
}
