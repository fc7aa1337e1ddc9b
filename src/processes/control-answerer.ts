/**
 * The other end of a ChannelAsker: sends the answers that a generator makes, a
 * page at a time, so that a million envelopes are never on their way at once.
 *
 * A client that goes away stops what is only shown. What was ordered (schedule,
 * remove, pause) runs to its end, whoever still listens.
 */
import { FilesError } from "#base/ports/files.ts";
import { unreachable } from "#base/unreachable.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  failed,
  isView,
  type PagedAnswer,
  type PagedRequest,
} from "#model/ipc/control-link.ts";

/** A page ends when it has grown to this. */
export const PAGE_BYTES: number = 256 * 1024;

/** What one answer costs beside its text. */
const ANSWER_OVERHEAD_BYTES = 16;

/** Carries out a request; yields its answers, the last of which is "done". */
export type AnswerRequest = (request: ControlRequest) => AsyncIterable<ControlAnswer>;

/** One request that is being answered. */
interface Answering {
  readonly isShown: boolean;
  state: "running" | "cancelled";
  /** Set while the page is full. */
  resume: (() => void) | undefined;
}

export class ControlAnswerer {
  readonly #answer: AnswerRequest;
  readonly #send: (answer: PagedAnswer) => void;
  readonly #running = new Map<number, Answering>();

  constructor(answer: AnswerRequest, send: (answer: PagedAnswer) => void) {
    this.#answer = answer;
    this.#send = send;
  }

  /** Takes what the control process says. */
  request({ id, request }: PagedRequest): void {
    if (request.kind === "more") this.#resume(id);
    else if (request.kind === "cancel") this.#cancel(id);
    else void this.#run(id, request);
  }

  /** The control process is gone. */
  lost(): void {
    for (const id of this.#running.keys()) this.#cancel(id);
  }

  async #run(id: number, request: ControlRequest): Promise<void> {
    const answering: Answering = {
      isShown: isView(request),
      state: "running",
      resume: undefined,
    };
    this.#running.set(id, answering);
    try {
      await this.#sendAll(id, answering, this.#answer(request));
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      if (answering.state === "running") {
        this.#send({ id, answer: failed(error.message) });
      }
    } finally {
      this.#running.delete(id);
    }
  }

  async #sendAll(
    id: number,
    answering: Answering,
    answers: AsyncIterable<ControlAnswer>,
  ): Promise<void> {
    let pageBytes = 0;
    for await (const answer of answers) {
      if (answering.state === "cancelled") {
        if (answering.isShown) return;
        continue;
      }
      this.#send({ id, answer });
      pageBytes += answerBytes(answer);
      if (pageBytes < PAGE_BYTES || answer.kind === "done") continue;
      pageBytes = 0;
      const { promise, resolve } = Promise.withResolvers<void>();
      answering.resume = resolve;
      this.#send({ id, answer: { kind: "paused" } });
      await promise;
    }
  }

  #resume(id: number): void {
    const answering = this.#running.get(id);
    answering?.resume?.();
    if (answering !== undefined) answering.resume = undefined;
  }

  #cancel(id: number): void {
    const answering = this.#running.get(id);
    if (answering === undefined) return;
    answering.state = "cancelled";
    this.#resume(id);
  }
}

function answerBytes(answer: ControlAnswer): number {
  switch (answer.kind) {
    case "row":
      return answer.line.length + answer.json.length + ANSWER_OVERHEAD_BYTES;
    case "bytes":
      return answer.bytes.length + ANSWER_OVERHEAD_BYTES;
    case "unsure":
    // The queue makes none of these two.
    case "explained":
    case "outlined":
      return ANSWER_OVERHEAD_BYTES;
    case "done":
      return answer.text.length + ANSWER_OVERHEAD_BYTES;
    default:
      return unreachable(answer);
  }
}
