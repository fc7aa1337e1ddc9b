/**
 * What came of the tries of one transaction so far, and what that comes to for its envelopes.
 *
 * Promises: final only if every server said so, and none was passed over: who was may take it yet.
 * Where nothing could be tried it is said which limit holds it, and until when.
 *
 * Source: OpenSMTPD mta.c (mta_find_route), whose words these are.
 */
import type { Clock } from "#base/ports/clock.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Outcome } from "#engine/client/verdict-result.ts";
import { type NoRoute, noRoute } from "./next-hops.ts";
import type { Barrier, Candidate, Hold } from "./route-check.ts";
import { isNotReached, ofNoneReached, outcomeWithoutRoute } from "./transaction-outcome.ts";

export class TriedSoFar {
  readonly #outcomes: Outcome[] = [];
  /** The first of this level that has no room now. */
  #inLine: Candidate | undefined;
  /** Of what was passed over, the one that can be used first. */
  #hold: Hold | undefined;
  #isBlocked = false;

  /** Tries, and servers that there was no route to. */
  get count(): number {
    return this.#outcomes.length;
  }

  /** The last one was ourselves. */
  get isLoop(): boolean {
    return this.#outcomes.at(-1)?.outcome === "loop";
  }

  /** A server did not begin on it. */
  add(outcome: Outcome): void {
    this.#outcomes.push(outcome);
  }

  passOver(why: NoRoute): undefined {
    this.#outcomes.push(outcomeWithoutRoute(why));
  }

  /** A route could not be used now. */
  stopped(candidate: Candidate, why: Barrier): void {
    switch (why.kind) {
      case "blocked":
        this.#isBlocked = true;
        return;
      case "no-room":
        this.#inLine ??= candidate;
        return;
      case "held":
        if (this.#hold === undefined || why.hold.untilMs < this.#hold.untilMs)
          this.#hold = why.hold;
        return;
      default:
        unreachable(why);
    }
  }

  /** The first of a level that had no room: once, as the next level has its own. */
  takeInLine(): Candidate | undefined {
    const inLine = this.#inLine;
    this.#inLine = undefined;
    return inLine;
  }

  /** Undefined: there was nothing to try, nor to pass over. */
  conclusion(clock: Clock): Outcome | undefined {
    const answered = summary(this.#outcomes);
    if (answered?.outcome === "deferred") return answered;
    if (this.#hold !== undefined) {
      const { limit, status, diagnostic } = this.#hold;
      const untilMs = Math.round(clock.wallMs() + this.#hold.untilMs - clock.monotonicMs());
      const outcome = "deferred";
      return { outcome, status, diagnostic, remote: "", held: { limit, untilMs } };
    }
    return this.#isBlocked ? outcomeWithoutRoute(BLOCKED) : answered;
  }
}

export const BLOCKED: NoRoute = noRoute("deferred", "4.4.4", "All routes to destination blocked");

/**
 * What several tries come to: final only if each of them was. Who answered tells more than who
 * was not there; of those that were not, each is told of.
 */
function summary(tried: readonly Outcome[]): Outcome | undefined {
  const deferred = tried.filter(({ outcome }) => outcome === "deferred");
  const answered = deferred.findLast((outcome) => !isNotReached(outcome));
  return answered ?? ofNoneReached(deferred) ?? tried.at(-1);
}
