/**
 * One client of the control socket: takes its requests one after the other and
 * sends the answers no faster than it reads them.
 *
 * A frame that is malformed, a client that says nothing and one that does not read
 * cost this connection and nothing else. What a client ordered before it went away
 * is carried out.
 */
import { ByteWriter } from "#base/byte-writer.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Connection } from "#base/ports/network.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  controlAnswerCodec,
  controlRequestCodec,
  type Paused,
} from "#model/ipc/control-link.ts";
import { FrameReader, writeFrame } from "#model/ipc/frame.ts";
import type { Asked, TakeAnswer } from "./control-asker.ts";

/** A connection on which the client lets nothing move for this long is closed. */
export const CLIENT_TIMEOUT_MS = 60_000;
/** Largest request: one with every pattern that a filter may have (model/queue-filter.ts). */
export const MAX_REQUEST_BYTES: number = 64 * 1024;
/** Requests that may wait while one is answered. */
export const MAX_WAITING_REQUESTS = 16;
/** Answers that a client has not read; an answerer that makes pages never comes near. */
const MAX_UNSENT_BYTES: number = 16 * 1024 * 1024;
/** Answers leave in pieces of about this size. */
const BATCH_BYTES: number = 64 * 1024;

export interface ControlClientOwner {
  ask(request: ControlRequest, take: TakeAnswer): Asked;
  closed(): void;
}

export class ControlClient {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #owner: ControlClientOwner;
  readonly #waiting: ControlRequest[] = [];
  #batch: ByteWriter = new ByteWriter();
  /** "asking": one request is being answered. */
  #state: "idle" | "asking" | "closed" = "idle";
  #asked: Asked | undefined;
  #isLast = false;
  /** The client reads slowly; `#wantsMore` when the answerer waits for it. */
  #isCongested = false;
  #wantsMore = false;
  #movedAtMs: number;
  #cancelTimer: () => void;

  constructor(connection: Connection, clock: Clock, owner: ControlClientOwner) {
    this.#connection = connection;
    this.#clock = clock;
    this.#owner = owner;
    this.#movedAtMs = clock.monotonicMs();
    this.#cancelTimer = clock.after(CLIENT_TIMEOUT_MS, () => this.#checkTime());
    const reader = new FrameReader(controlRequestCodec, MAX_REQUEST_BYTES);
    connection.start({
      data: (bytes) => {
        this.#moved();
        const fault = reader.push(bytes, (request) => this.#waiting.push(request));
        if (fault !== undefined || this.#waiting.length > MAX_WAITING_REQUESTS) this.destroy();
        else this.#next();
      },
      end: () => this.endWhenAnswered(),
      drain: () => this.#drained(),
      closed: () => this.#closed(),
    });
  }

  /** Takes no further request; the connection ends when what was asked is answered. */
  endWhenAnswered(): void {
    this.#isLast = true;
    if (this.#state === "idle") this.#connection.end();
  }

  /** Ends the connection with what was answered so far. */
  endNow(): void {
    this.#flush();
    this.#connection.end();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  #next(): void {
    if (this.#state !== "idle") return;
    const request = this.#waiting.shift();
    if (request === undefined) {
      if (this.#isLast) this.#connection.end();
      return;
    }
    this.#state = "asking";
    const asked = this.#owner.ask(request, (answer) => this.#take(answer));
    // The answer may have come at once, and another request may be under way by now.
    if (this.#isAsking()) this.#asked ??= asked;
  }

  #isAsking(): boolean {
    return this.#state === "asking";
  }

  #take(answer: ControlAnswer | Paused): void {
    if (this.#state !== "asking") return;
    this.#moved();
    if (answer.kind === "paused") {
      this.#flush();
      if (this.#isCongested) this.#wantsMore = true;
      else this.#asked?.more();
      return;
    }
    writeFrame(this.#batch, controlAnswerCodec, answer);
    if (answer.kind !== "done") {
      if (this.#batch.length >= BATCH_BYTES) this.#flush();
      return;
    }
    this.#flush();
    this.#asked = undefined;
    this.#state = "idle";
    this.#next();
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch.written();
    this.#batch = new ByteWriter();
    if (!this.#connection.write(batch)) this.#isCongested = true;
    if (this.#connection.unsentBytes > MAX_UNSENT_BYTES) this.destroy();
  }

  #drained(): void {
    this.#moved();
    this.#isCongested = false;
    if (!this.#wantsMore) return;
    this.#wantsMore = false;
    this.#asked?.more();
  }

  #closed(): void {
    this.#state = "closed";
    this.#cancelTimer();
    this.#asked?.cancel();
    this.#asked = undefined;
    this.#owner.closed();
  }

  #moved(): void {
    this.#movedAtMs = this.#clock.monotonicMs();
  }

  #checkTime(): void {
    // An order about a million envelopes takes its time; whoever waits for it is not idle.
    if (this.#state === "asking" && !this.#isCongested) this.#moved();
    const leftMs = this.#movedAtMs + CLIENT_TIMEOUT_MS - this.#clock.monotonicMs();
    if (leftMs > 0) this.#cancelTimer = this.#clock.after(leftMs, () => this.#checkTime());
    else this.destroy();
  }
}
