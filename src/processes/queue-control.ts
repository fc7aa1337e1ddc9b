/**
 * The queue's answers to smtpctl: what waits and why, and the orders about it.
 */
import type { Clock } from "#base/ports/clock.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Queue } from "#engine/queue/queue.ts";
import { formatEnvelope, formatQueueJson, formatQueueLine } from "#engine/queue/show.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  done,
  failed,
  isForParent,
  type Target,
} from "#model/ipc/control-link.ts";
import type { Counter } from "#model/ipc/parent-link.ts";
import type { AnswerRequest } from "./control-answerer.ts";

const NOT_HERE = "Not for the queue";

/** Answers from `queue`; `counters` are those of the queue process. */
export function queueAnswers(
  queue: Queue,
  clock: Clock,
  counters: () => readonly Counter[],
): AnswerRequest {
  return async function* answer(request: ControlRequest) {
    if (isForParent(request)) {
      yield failed(NOT_HERE);
      return;
    }
    switch (request.kind) {
      case "show-queue":
        yield* showQueue(queue, clock, targetOf(request.msgid));
        return;
      case "show-envelope":
        yield* showEnvelope(queue, clock, request.evpid);
        return;
      case "show-message":
        yield* showMessage(queue, request.id);
        return;
      case "show-status":
        yield* showStatus(queue);
        return;
      case "show-stats":
        yield* showStats([...queue.gauges(), ...counters()]);
        return;
      case "schedule":
        yield done(await queue.schedule(request.target));
        return;
      case "remove":
        yield done(await queue.remove(request.target));
        return;
      case "pause-envelope":
        yield done(await pauseEnvelope(queue, request));
        return;
      case "pause":
        yield pause(queue, request);
        return;
      default:
        unreachable(request);
    }
  };
}

async function* showQueue(
  queue: Queue,
  clock: Clock,
  target: Target,
): AsyncGenerator<ControlAnswer> {
  for await (const some of queue.envelopes(target)) {
    const nowMs = clock.wallMs();
    for (const queued of some) {
      const line = formatQueueLine(queued, nowMs);
      yield { kind: "row", line, json: formatQueueJson(queued, nowMs) };
    }
  }
  yield done();
}

function* showEnvelope(queue: Queue, clock: Clock, evpid: string): Generator<ControlAnswer> {
  const queued = queue.envelope(evpid);
  if (queued === undefined) {
    yield failed("no such envelope");
    return;
  }
  const nowMs = clock.wallMs();
  yield { kind: "row", line: "", json: formatQueueJson(queued, nowMs) };
  for (const line of formatEnvelope(queued, nowMs).trimEnd().split("\n"))
    yield { kind: "row", line, json: "" };
  yield done();
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
  for (const { name, value } of counters) {
    yield { kind: "row", line: `${name}=${value}`, json: JSON.stringify({ [name]: value }) };
  }
  yield done();
}

async function* showMessage(queue: Queue, id: string): AsyncGenerator<ControlAnswer> {
  const text = queue.text(id);
  if (text === undefined) {
    yield failed("no such message");
    return;
  }
  for await (const bytes of text.chunks()) yield { kind: "bytes", bytes };
  yield done();
}

function pause(queue: Queue, request: ControlRequest & { readonly kind: "pause" }): ControlAnswer {
  const { subsystem, paused } = request;
  if (subsystem === "smtp") return failed(NOT_HERE);
  const changed = paused ? queue.pause(subsystem) : queue.resume(subsystem);
  return changed ? done() : failed(paused ? "already paused" : "already running");
}

function pauseEnvelope(
  queue: Queue,
  request: ControlRequest & { readonly kind: "pause-envelope" },
): Promise<number> {
  return request.paused ? queue.suspend(request.target) : queue.unsuspend(request.target);
}

function targetOf(msgid: string | undefined): Target {
  return msgid === undefined ? { kind: "all" } : { kind: "id", id: msgid };
}
