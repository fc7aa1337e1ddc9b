/** The passwords of the system's users, as lookup asks for them: the process `auth`. */
import type { Clock } from "#base/ports/clock.ts";
import type { PasswordVerdict, SystemPasswords } from "#base/ports/system-passwords.ts";
import {
  MAX_SYSTEM_CHECKS,
  type SystemAnswer,
  type SystemQuestion,
} from "#model/ipc/system-auth-link.ts";
import type { Link } from "./channel.ts";
import { OpenQuestions, type QuestionTerms } from "./open-questions.ts";

/** Less than a dispatcher waits for lookup. */
const CHECK_TIMEOUT_MS = 8000;

type AuthLink = Link<SystemAnswer, SystemQuestion>;

const TERMS: QuestionTerms<PasswordVerdict> = {
  withinMs: CHECK_TIMEOUT_MS,
  without: () => "unavailable",
};

export class RemotePasswords implements SystemPasswords {
  readonly #questions: OpenQuestions<PasswordVerdict>;
  #link: AuthLink | undefined;

  constructor(clock: Clock) {
    this.#questions = new OpenQuestions(clock);
  }

  linked(link: AuthLink): void {
    this.#link = link;
    link.start({
      message: ({ request, verdict }) => this.#questions.answered(request, verdict),
      closed: () => {
        // The old one may be known to be gone only after the next is there.
        if (this.#link === link) this.#link = undefined;
        this.#questions.lost();
      },
    });
  }

  check(user: string, password: string): Promise<PasswordVerdict> {
    const link = this.#link;
    if (link === undefined || this.#questions.size >= MAX_SYSTEM_CHECKS)
      return Promise.resolve("unavailable");
    return this.#questions.ask((request) => link.send({ request, user, password }), TERMS);
  }
}
