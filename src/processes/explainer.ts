/**
 * A dispatcher's answers to `smtpctl explain`: what the configuration that it works by
 * would do with a message that does not exist.
 *
 * Few are under way at once. Each ends in time, since whatever it asks is waited for so
 * long and no longer.
 */
import { encode } from "#base/codec.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import type { Users } from "#base/ports/users.ts";
import { explain, type ExplainParties } from "#engine/explain/explain.ts";
import type { SenderRules } from "#model/authentication.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { Config } from "#model/config/config.ts";
import type { ExplainFault, Explanation, ExplainQuestion } from "#model/explanation.ts";
import type { Intake } from "#model/intake.ts";
import { explainAnswerCodec } from "#model/ipc/explain-link.ts";
import type { Routing } from "#model/resolution.ts";

/** Who asks for more at once is no person. */
const MAX_UNDER_WAY = 4;

/** A frame to the parent has room for it (shapes.ts). What bounds the parts keeps it well below. */
const MAX_ANSWER_BYTES: number = 384 * 1024;

const BUSY: ExplainFault = { kind: "explain-fault", why: "too many explanations at once" };
const TOO_LARGE: ExplainFault = {
  kind: "explain-fault",
  why: "the explanation is too large: ask for fewer recipients",
};

export interface ExplainerParties {
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
  readonly users: Users;
  readonly intake: Intake;
}

/** What decides now. */
export interface Deciding {
  readonly config: Config;
  readonly routing: Routing;
  readonly senders?: SenderRules;
  readonly askTable?: AskTable;
  /** Left out: the configuration asks for no policies of MTA-STS. */
  readonly askSts?: ExplainParties["askSts"];
}

export class Explainer {
  readonly #parties: ExplainerParties;
  #underWay = 0;

  constructor(parties: ExplainerParties) {
    this.#parties = parties;
  }

  async answer(
    question: ExplainQuestion,
    { config, routing, senders, askTable, askSts }: Deciding,
  ): Promise<Explanation | ExplainFault> {
    if (this.#underWay >= MAX_UNDER_WAY) return BUSY;
    const { clock, random, resolver, users, intake } = this.#parties;
    this.#underWay++;
    try {
      const answer = await explain(question, {
        config,
        routing,
        senders,
        askTable,
        askSts: question.dns ? askSts : undefined,
        clock,
        random,
        users,
        resolver: question.dns ? resolver : undefined,
        hasRoom: (bytes) => intake.hasRoom(bytes),
      });
      return encode(explainAnswerCodec, answer).length > MAX_ANSWER_BYTES ? TOO_LARGE : answer;
    } finally {
      this.#underWay--;
    }
  }
}
