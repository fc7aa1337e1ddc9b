/** Who checks passwords, as a dispatcher asks: the process `lookup`, which has their hashes. */
import type { SaslAnswer } from "#protocols/sasl/sasl-step.ts";
import type { AuthAttempt, Authenticator } from "#model/authentication.ts";
import type { Observe } from "#model/events.ts";
import { type LookupAsker, whyNone } from "./lookup-asker.ts";

export class RemoteAuthenticator implements Authenticator {
  readonly #lookup: LookupAsker;
  readonly #observe: Observe;

  constructor(lookup: LookupAsker, observe: Observe) {
    this.#lookup = lookup;
    this.#observe = observe;
  }

  async ask(attempt: AuthAttempt): Promise<SaslAnswer> {
    const answer = await this.#lookup.ask("authentication", (request) => ({
      kind: "auth",
      request,
      attempt,
    }));
    if (answer.kind === "auth") return answer.answer;
    this.#observe({ kind: "warning", text: whyNone(answer) });
    return { kind: "unavailable" };
  }
}
