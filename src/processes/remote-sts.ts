/**
 * Policies of MTA-STS, as a dispatcher asks for them: the process `lookup` fetches and keeps them.
 *
 * Answers are remembered for a minute, so that a burst of mail for a domain asks once; that
 * nobody knows is not.
 */
import type { Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import { type RememberBounds, RememberedAnswers } from "#base/time/remembered-answers.ts";
import type { StsPolicy } from "#protocols/sts/sts-policy.ts";
import { type LookupAsker, withoutValue } from "./lookup-asker.ts";

const BOUNDS: RememberBounds = { keptMs: 60_000, maxKept: 10_000 };

export class RemoteSts {
  readonly #lookup: LookupAsker;
  readonly #remembered: RememberedAnswers<Lookup<StsPolicy>>;

  constructor(clock: Clock, lookup: LookupAsker) {
    this.#lookup = lookup;
    this.#remembered = new RememberedAnswers(clock, BOUNDS);
  }

  /** Never rejects. */
  policyOf(domain: string): Promise<Lookup<StsPolicy>> {
    const name = domain.toLowerCase();
    return this.#remembered.answer(name, () => this.#ask(name));
  }

  async #ask(domain: string): Promise<Lookup<StsPolicy>> {
    const answer = await this.#lookup.ask("policy of MTA-STS", (request) => ({
      kind: "sts",
      request,
      domain,
    }));
    if (answer.kind === "sts") return { kind: "found", value: answer.policy };
    return withoutValue(answer);
  }
}
