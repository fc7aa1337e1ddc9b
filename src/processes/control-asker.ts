/**
 * Asking the queue or the parent over a channel that may break and come back.
 *
 * Answers come in a later turn, the last is "done". When the channel is lost,
 * whatever waits is answered "done" at once, and so is all that is asked until
 * there is a new one: no client ever waits for a process that is gone.
 */
import {
  type ControlAnswer,
  type ControlRequest,
  failed,
  type NumberedRequest,
  type PagedAnswer,
  type PagedRequest,
  type Paused,
} from "#model/ipc/control-link.ts";

export type TakeAnswer = (answer: ControlAnswer | Paused) => void;

/** One request under way. */
export interface Asked {
  /** Asks for the next page after "paused". */
  more(): void;
  /** No further answer is taken. What was ordered is carried out all the same. */
  cancel(): void;
}

export interface Asker {
  ask(request: ControlRequest, take: TakeAnswer): Asked;
}

/** How to reach the other process. `page` is left out where answers are short and come at once. */
export interface AskerLink {
  send(request: NumberedRequest): void;
  page?(request: PagedRequest): void;
}

export class ChannelAsker implements Asker {
  readonly #name: string;
  readonly #waiting = new Map<number, TakeAnswer>();
  #link: AskerLink | undefined;
  #lastId = 0;

  /** `name` is what operators call the process: "queue", "parent". */
  constructor(name: string) {
    this.#name = name;
  }

  attach(link: AskerLink): void {
    this.detach();
    this.#link = link;
  }

  /** The other process is gone, or is being replaced. */
  detach(): void {
    this.#link = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const take of waiting) take(this.#gone());
  }

  /** Takes what the other process says. */
  answer({ id, answer }: PagedAnswer): void {
    const take = this.#waiting.get(id);
    if (take === undefined) return;
    if (answer.kind === "done") this.#waiting.delete(id);
    take(answer);
  }

  ask(request: ControlRequest, take: TakeAnswer): Asked {
    const link = this.#link;
    if (link === undefined) {
      take(this.#gone());
      return { more() {}, cancel() {} };
    }
    const id = this.#nextId();
    this.#waiting.set(id, take);
    link.send({ id, request });
    return {
      more: () => {
        if (this.#waiting.has(id)) link.page?.({ id, request: { kind: "more" } });
      },
      cancel: () => {
        if (this.#waiting.delete(id)) link.page?.({ id, request: { kind: "cancel" } });
      },
    };
  }

  /** Ids are 32 bits on the wire and start again at 1. */
  #nextId(): number {
    this.#lastId = this.#lastId >= 0xffff_ffff ? 1 : this.#lastId + 1;
    return this.#lastId;
  }

  #gone(): ControlAnswer {
    return failed(`${this.#name} is restarting`);
  }
}
