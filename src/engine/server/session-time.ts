/**
 * The time of one session: what is awaited, until when, and by which limit.
 *
 * A command has its time from the last one; all commands up to DATA have theirs
 * together, so that a client that says something now and then does not stay; a text
 * has its own for each block and as a whole, whatever chunks it comes in; and the session
 * has an end. While an answer is ours to give, the client's time stands still.
 *
 * Source: RFC 5321 §4.5.3.2; the totals are Postfix's practice (smtpd_per_request_deadline).
 */
import type { Clock } from "#base/ports/clock.ts";
import { Deadline } from "#base/time/deadline.ts";
import type { TimeLimit } from "#model/limit-name.ts";
import { LINGER_MS, MIN_DATA_BYTES_PER_SECOND, type Patience, SESSION_MS } from "./limits.ts";

export class SessionTime {
  readonly #clock: Clock;
  readonly #patience: () => Patience;
  readonly #deadline: Deadline;
  readonly #endsMs: number;
  #awaited: "command" | "text" | "end" = "command";
  /** A text has begun: what is said between its chunks is within its time. */
  #isInText = false;
  #pausedAtMs: number | undefined;
  /** The greeting, or the end of the last message. */
  #transactionFromMs: number;
  #textFromMs = 0;
  #textBytes = 0;

  /**
   * @param patience how long at the moment; asked at each step.
   * @param passed is called when what is awaited has not come in time.
   */
  constructor(clock: Clock, patience: () => Patience, passed: () => void) {
    this.#clock = clock;
    this.#patience = patience;
    this.#deadline = new Deadline(clock, passed);
    this.#transactionFromMs = clock.monotonicMs();
    this.#endsMs = this.#transactionFromMs + SESSION_MS;
    this.awaitCommand();
  }

  /** The client has come on: the next command is awaited. */
  awaitCommand(): void {
    this.#awaited = "command";
    const { commandMs } = this.#patience();
    this.#deadline.set(commandMs, Math.min(this.#stepsEndMs(), this.#endsMs));
  }

  /** A text begins, with its first block. */
  startText(): void {
    this.#isInText = true;
    this.#textFromMs = this.#clock.monotonicMs();
    this.awaitText(0);
  }

  /** The text has got to `bytes`: the next block is awaited. */
  awaitText(bytes: number): void {
    this.#awaited = "text";
    this.#textBytes = bytes;
    this.#deadline.set(this.#patience().dataBlockMs, Math.min(this.#textEndsMs(), this.#endsMs));
  }

  /** More of a text that has begun is awaited. */
  continueText(): void {
    this.awaitText(this.#textBytes);
  }

  /** The text has ended: the time for all commands begins again. */
  endText(): void {
    this.#isInText = false;
    this.#transactionFromMs = this.#clock.monotonicMs();
    this.awaitCommand();
  }

  /** The text is given up: the time for all commands goes on. */
  abandonText(): void {
    this.#isInText = false;
    this.awaitCommand();
  }

  /** An answer is ours to give. */
  pause(): void {
    this.#pausedAtMs ??= this.#clock.monotonicMs();
    this.extend();
  }

  /** The answer is still ours to give: whatever has passed, there is another step's time. */
  extend(): void {
    this.#deadline.set(this.#patience().commandMs);
  }

  /** The client's time runs again. */
  resume(): void {
    const pausedMs = this.#clock.monotonicMs() - (this.#pausedAtMs ?? this.#clock.monotonicMs());
    this.#pausedAtMs = undefined;
    this.#transactionFromMs += pausedMs;
    this.#textFromMs += pausedMs;
    this.hurry();
  }

  /** We have ended the session: the client's end is awaited. */
  awaitEnd(): void {
    this.#awaited = "end";
    this.#deadline.set(LINGER_MS);
  }

  /** There may be less patience than before. */
  hurry(): void {
    if (this.#awaited === "command") this.awaitCommand();
    else if (this.#awaited === "text") this.awaitText(this.#textBytes);
  }

  /** Which limit has passed. */
  limit(): TimeLimit {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#endsMs) return "session-time";
    if (nowMs >= this.#stepsEndMs()) return this.#isInText ? "data-rate" : "transaction-time";
    return this.#awaited === "text" ? "data-time" : "command-time";
  }

  stop(): void {
    this.#deadline.stop();
  }

  /** When all that is done between messages, or all of a text, must be done. */
  #stepsEndMs(): number {
    return this.#isInText
      ? this.#textEndsMs()
      : this.#transactionFromMs + this.#patience().transactionMs;
  }

  #textEndsMs(): number {
    const worthMs = (this.#textBytes / MIN_DATA_BYTES_PER_SECOND) * 1000;
    return this.#textFromMs + this.#patience().dataGraceMs + worthMs;
  }
}
