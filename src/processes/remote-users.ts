/**
 * The user database, asked through the parent and remembered for a short while:
 * a flood of recipients must not become a flood of questions.
 */
import type { Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { User, Users } from "#base/ports/users.ts";
import type { ParentToChild } from "#model/ipc/parent-link.ts";

/** How long an answer is believed. */
const REMEMBER_MS = 10_000;
/** Names remembered at once; beyond it the oldest is forgotten. */
const MAX_REMEMBERED = 10_000;
/** Longest user name that is asked for (useradd(8): 32; room for directory services). */
const MAX_USER_NAME = 256;

interface Remembered {
  readonly answer: Promise<Lookup<User>>;
  readonly untilMs: number;
}

export class RemoteUsers implements Users {
  readonly #clock: Clock;
  readonly #ask: (request: number, name: string) => void;
  readonly #waiting = new Map<number, (answer: Lookup<User>) => void>();
  readonly #remembered = new Map<string, Remembered>();
  #lastRequest = 0;

  constructor(clock: Clock, ask: (request: number, name: string) => void) {
    this.#clock = clock;
    this.#ask = ask;
  }

  lookup(name: string): Promise<Lookup<User>> {
    if (name === "" || name.length > MAX_USER_NAME) return Promise.resolve({ kind: "absent" });
    const nowMs = this.#clock.monotonicMs();
    const known = this.#remembered.get(name);
    if (known !== undefined && known.untilMs > nowMs) return known.answer;
    const answer = this.#question(name);
    this.#remembered.delete(name);
    this.#remembered.set(name, { answer, untilMs: nowMs + REMEMBER_MS });
    if (this.#remembered.size > MAX_REMEMBERED) {
      for (const oldest of this.#remembered.keys()) {
        this.#remembered.delete(oldest);
        break;
      }
    }
    return answer;
  }

  /** Takes the parent's answer. */
  answered({ request, answer }: ParentToChild & { readonly kind: "user" }): void {
    const resolve = this.#waiting.get(request);
    this.#waiting.delete(request);
    resolve?.(
      answer.kind === "unavailable"
        ? { kind: "unavailable", cause: new Error("The user database is unavailable") }
        : answer,
    );
  }

  async #question(name: string): Promise<Lookup<User>> {
    const request = ++this.#lastRequest;
    const { promise, resolve } = Promise.withResolvers<Lookup<User>>();
    this.#waiting.set(request, resolve);
    this.#ask(request, name);
    const answer = await promise;
    // A failure is not worth remembering: the next question may be answered.
    if (answer.kind === "unavailable") this.#remembered.delete(name);
    return answer;
  }
}
