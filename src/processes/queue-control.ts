/**
 * The queue's answers to smtpctl: what waits and why, and the orders about it.
 */
import type { Clock } from "#base/ports/clock.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Queue } from "#engine/queue/queue.ts";
import type { QueuedEnvelope } from "#engine/queue/show.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  done,
  failed,
  isForParent,
  MAX_UNSURE,
  type Target,
} from "#model/ipc/control-link.ts";
import type { Counter } from "#model/ipc/parent-link.ts";
import type { AnswerRequest } from "./control-answerer.ts";
import { counterRow } from "./counter-row.ts";
import { type QueueView, rowOf, showOf } from "./queue-views.ts";
import { type RelayView, resumeRoute, showRelaying } from "./relay-views.ts";
import { showTrace, type TraceView } from "./trace-view.ts";

const NOT_HERE = "Not for the queue";

/** Shown to an operator of the envelopes that a change is about. */
const SAMPLE_ENVELOPES = 10;

export interface QueueAnswerParts {
  /** The queue, to be shown. */
  readonly staged: QueueView;
  readonly trace: Omit<TraceView, "queue">;
  readonly relaying: RelayView;
}

/** Answers from `queue`; `counters` are those of the queue process. */
export function queueAnswers(
  queue: Queue,
  clock: Clock,
  counters: () => readonly Counter[],
  { staged, trace, relaying }: QueueAnswerParts,
): AnswerRequest {
  return async function* answer(request: ControlRequest) {
    if (isForParent(request)) {
      yield failed(NOT_HERE);
      return;
    }
    switch (request.kind) {
      case "show-queue":
      case "show-counts":
      case "show-envelope":
      case "show-message":
        yield* showOf(staged, clock, request);
        return;
      case "show-trace":
        yield* showTrace({ ...trace, queue: staged }, clock, request);
        return;
      case "show-status":
        yield* showStatus(queue);
        return;
      case "show-stats":
        yield* showStats([...queue.gauges(), ...counters()]);
        return;
      case "show-relaying":
        yield* showRelaying(relaying, request.question, clock.wallMs());
        return;
      case "resume-route":
        yield await resumeRoute(relaying, request.route);
        return;
      case "schedule":
        yield* carryOut(queue, clock, request, (target) => queue.schedule(target));
        return;
      case "remove":
        yield* carryOut(queue, clock, request, (target) => queue.remove(target));
        return;
      case "pause-envelope":
        yield* carryOut(queue, clock, request, (target) =>
          request.paused ? queue.suspend(target) : queue.unsuspend(target),
        );
        return;
      case "pause":
        yield pause(queue, request);
        return;
      default:
        unreachable(request);
    }
  };
}

/**
 * Many envelopes are changed only for an operator who is sure: otherwise the answer is how
 * many it would be, and some of them. What is changed then is what is meant at that time.
 */
async function* carryOut(
  queue: Queue,
  clock: Clock,
  { target, isSure }: { readonly target: Target; readonly isSure: boolean },
  change: (target: Target) => Promise<number>,
): AsyncGenerator<ControlAnswer> {
  const count = isSure ? 0 : await queue.count(target);
  if (count > MAX_UNSURE) {
    const nowMs = clock.wallMs();
    for (const queued of await sampleOf(queue, target)) yield rowOf(queued, nowMs);
    yield { kind: "unsure", count };
    yield failed("nothing was changed");
    return;
  }
  yield done(await change(target));
}

/** Some of what is meant. */
async function sampleOf(queue: Queue, target: Target): Promise<readonly QueuedEnvelope[]> {
  const sample: QueuedEnvelope[] = [];
  for await (const some of queue.envelopes(target)) {
    sample.push(...some.slice(0, SAMPLE_ENVELOPES - sample.length));
    if (sample.length === SAMPLE_ENVELOPES) break;
  }
  return sample;
}

function* showStatus(queue: Queue): Generator<ControlAnswer> {
  for (const subsystem of ["mda", "mta"] as const) {
    const state = queue.isPaused(subsystem) ? "paused" : "running";
    const line = `${subsystem.toUpperCase()} ${state}`;
    yield { kind: "row", line, json: JSON.stringify({ [subsystem]: state }) };
  }
  yield done();
}

function* showStats(counters: readonly Counter[]): Generator<ControlAnswer> {
  for (const counter of counters) yield counterRow(counter);
  yield done();
}

function pause(queue: Queue, request: ControlRequest & { readonly kind: "pause" }): ControlAnswer {
  const { subsystem, paused } = request;
  if (subsystem === "smtp") return failed(NOT_HERE);
  const changed = paused ? queue.pause(subsystem) : queue.resume(subsystem);
  return changed ? done() : failed(paused ? "already paused" : "already running");
}
