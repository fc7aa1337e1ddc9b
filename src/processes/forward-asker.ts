/**
 * Forward files over a channel: one end asks, the other answers with what it can read,
 * or ask in its turn. A question is answered in time, or "unavailable".
 */
import type { Clock } from "#base/ports/clock.ts";
import type { ForwardFile, ForwardFiles } from "#model/forward-file.ts";
import type { ForwardAnswer, ForwardQuestion } from "#model/ipc/forward-link.ts";

/** A home on a dead file server must not hold up a session for longer. */
const ANSWER_TIMEOUT_MS = 30_000;
/** Questions under way on one channel. */
const MAX_ASKED = 256;

export class ForwardAsker implements ForwardFiles {
  readonly #clock: Clock;
  readonly #send: (question: ForwardQuestion) => void;
  readonly #waiting = new Map<number, (file: ForwardFile) => void>();
  #lastRequest = 0;
  #lost: string | undefined;

  constructor(clock: Clock, send: (question: ForwardQuestion) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Questions that wait for their answer. */
  get count(): number {
    return this.#waiting.size;
  }

  async read(action: string, user: string): Promise<ForwardFile> {
    if (this.#lost !== undefined) return unavailable(this.#lost);
    if (this.#waiting.size >= MAX_ASKED) return unavailable("too many are being read");
    const request = this.#nextRequest();
    const { promise, resolve } = Promise.withResolvers<ForwardFile>();
    this.#waiting.set(request, resolve);
    const cancel = this.#clock.after(ANSWER_TIMEOUT_MS, () =>
      resolve(unavailable("it was not read in time")),
    );
    this.#send({ kind: "forward-wanted", request, action, user });
    const file = await promise;
    cancel();
    this.#waiting.delete(request);
    return file;
  }

  /** Takes an answer; one that nobody waits for any more is ignored. */
  answered({ request, file }: ForwardAnswer): void {
    this.#waiting.get(request)?.(file);
  }

  /** The channel is gone. */
  lost(why: string): void {
    this.#lost = why;
    for (const resolve of this.#waiting.values()) resolve(unavailable(why));
  }

  /** A number that no question under way has; it has 32 bits in the frame. */
  #nextRequest(): number {
    do this.#lastRequest = (this.#lastRequest + 1) >>> 0;
    while (this.#waiting.has(this.#lastRequest));
    return this.#lastRequest;
  }
}

/** Asks whichever of several there is. */
export class AnyForwardAsker implements ForwardFiles {
  readonly #askers = new Set<ForwardAsker>();

  add(asker: ForwardAsker): void {
    this.#askers.add(asker);
  }

  remove(asker: ForwardAsker): void {
    this.#askers.delete(asker);
  }

  read(action: string, user: string): ForwardFile | Promise<ForwardFile> {
    for (const asker of this.#askers) return asker.read(action, user);
    return unavailable("nobody is there to read it");
  }
}

/** The other end: answers `question` with what `files` says. */
export async function answerForward(
  files: ForwardFiles,
  { request, action, user }: ForwardQuestion,
  send: (answer: ForwardAnswer) => void,
): Promise<void> {
  send({ kind: "forward-file", request, file: await files.read(action, user) });
}

function unavailable(why: string): ForwardFile {
  return { kind: "unavailable", why };
}
