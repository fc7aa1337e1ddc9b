/**
 * The user database, asked through the parent and remembered for a short while:
 * a flood of recipients must not become a flood of questions.
 */
import type { Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { User, Users } from "#base/ports/users.ts";
import { type RememberBounds, RememberedAnswers } from "#base/time/remembered-answers.ts";
import type { ParentToChild } from "#model/ipc/parent-link.ts";

const BOUNDS: RememberBounds = { keptMs: 10_000, maxKept: 10_000 };
/** Longest user name that is asked for (useradd(8): 32; room for directory services). */
const MAX_USER_NAME = 256;

export class RemoteUsers implements Users {
  readonly #answers: RememberedAnswers<Lookup<User>>;
  readonly #ask: (request: number, name: string) => void;
  readonly #waiting = new Map<number, (answer: Lookup<User>) => void>();
  #lastRequest = 0;

  constructor(clock: Clock, ask: (request: number, name: string) => void) {
    this.#answers = new RememberedAnswers(clock, BOUNDS);
    this.#ask = ask;
  }

  lookup(name: string): Promise<Lookup<User>> {
    if (name === "" || name.length > MAX_USER_NAME) return Promise.resolve({ kind: "absent" });
    return this.#answers.answer(name, () => this.#question(name));
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
    return promise;
  }
}
