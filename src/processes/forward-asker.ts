/**
 * Forward files over a channel: one end asks, the other answers with what it can read,
 * or ask in its turn. A question is answered in time, or "unavailable".
 */
import type { Clock } from "#base/ports/clock.ts";
import type { ForwardFile, ForwardFiles } from "#model/forward-file.ts";
import type { ForwardAnswer, ForwardQuestion } from "#model/ipc/forward-link.ts";
import { OpenQuestions } from "./open-questions.ts";

/** A home on a dead file server must not hold up a session for longer. */
const ANSWER_TIMEOUT_MS = 30_000;
/** Questions under way on one channel. */
const MAX_ASKED = 256;

export class ForwardAsker implements ForwardFiles {
  readonly #send: (question: ForwardQuestion) => void;
  readonly #questions: OpenQuestions<ForwardFile>;
  #lost: string | undefined;

  constructor(clock: Clock, send: (question: ForwardQuestion) => void) {
    this.#send = send;
    this.#questions = new OpenQuestions(clock);
  }

  /** Questions that wait for their answer. */
  get count(): number {
    return this.#questions.size;
  }

  async read(action: string, user: string): Promise<ForwardFile> {
    if (this.#lost !== undefined) return unavailable(this.#lost);
    if (this.#questions.size >= MAX_ASKED) return unavailable("too many are being read");
    return this.#questions.ask(
      (request) => this.#send({ kind: "forward-wanted", request, action, user }),
      {
        withinMs: ANSWER_TIMEOUT_MS,
        without: () => unavailable(this.#lost ?? "it was not read in time"),
      },
    );
  }

  /** Takes an answer. */
  answered({ request, file }: ForwardAnswer): void {
    this.#questions.answered(request, file);
  }

  /** The channel is gone. */
  lost(why: string): void {
    this.#lost = why;
    this.#questions.lost();
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
