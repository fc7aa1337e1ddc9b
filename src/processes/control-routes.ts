/**
 * Who answers what smtpctl(8) asks: the queue, the parent, or one after the other.
 */
import { unreachable } from "#base/unreachable.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  isForParent,
  isForQueue,
} from "#model/ipc/control-link.ts";
import type { Asked, Asker, TakeAnswer } from "./control-asker.ts";

export interface Answerers<Answerer> {
  readonly queue: Answerer;
  readonly parent: Answerer;
}

/** In the order in which their answers are shown. */
export function answerersOf<Answerer>(
  request: ControlRequest,
  { queue, parent }: Answerers<Answerer>,
): readonly Answerer[] {
  if (isForQueue(request)) return [queue];
  if (isForParent(request)) return [parent];
  switch (request.kind) {
    case "show-status":
    case "show-stats":
      return [queue, parent];
    case "pause":
      // The parent remembers it for the next queue.
      return request.subsystem === "smtp" ? [parent] : [queue, parent];
    default:
      return unreachable(request);
  }
}

type Done = ControlAnswer & { readonly kind: "done" };

/**
 * Asks each in turn, the next one after the "done" of the one before, even a failed
 * one: half an answer helps an operator, but half an order does not. The last "done" speaks
 * for all.
 */
export function askInTurn(
  askers: readonly Asker[],
  request: ControlRequest,
  take: TakeAnswer,
): Asked {
  const ends: Done[] = [];
  let isCancelled = false;
  let asked: Asked | undefined;
  const next = (): void => {
    const asker = askers[ends.length];
    if (asker === undefined) {
      take(joined(ends));
      return;
    }
    const turn = ends.length;
    const now = asker.ask(request, (answer) => {
      if (isCancelled) return;
      if (answer.kind !== "done") {
        take(answer);
        return;
      }
      ends.push(answer);
      if (answer.ok || request.kind !== "pause") next();
      else take(joined(ends));
    });
    // A failure may have come at once, and the next one may have been asked already.
    if (ends.length === turn) asked = now;
  };
  next();
  return {
    more: () => asked?.more(),
    cancel() {
      isCancelled = true;
      asked?.cancel();
    },
  };
}

function joined(ends: readonly Done[]): Done {
  return {
    kind: "done",
    ok: ends.every((end) => end.ok),
    text: ends
      .map((end) => end.text)
      .filter((text) => text !== "")
      .join(", "),
    count: ends.reduce((sum, end) => sum + end.count, 0),
  };
}
