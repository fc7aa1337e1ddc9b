/** A dispatcher's answers to what an operator wants to see of it, by way of the queue. */
import { unreachable } from "#base/unreachable.ts";
import type { Staged } from "#model/attempt-progress.ts";
import type { ViewAnswer, ViewQuestion } from "#model/ipc/view-link.ts";
import type { RelayState } from "#model/relay-report.ts";

/** How far attempts are, by their numbers. */
export type StagesOf = (attempts: readonly number[]) => readonly Staged[];

export function answerView(
  question: ViewQuestion,
  relaying: Pick<RelayState, "report" | "resumeRoute">,
  stagesOf: StagesOf,
): ViewAnswer {
  const { request } = question;
  switch (question.kind) {
    case "relaying-asked":
      return { kind: "relaying", request, answer: relaying.report(question.question) };
    case "resume-route": {
      const isResumed = relaying.resumeRoute(question.route);
      return { kind: "route-resumed", request, isResumed };
    }
    case "stages-asked":
      return { kind: "stages", request, stages: stagesOf(question.attempts) };
    default:
      return unreachable(question);
  }
}
