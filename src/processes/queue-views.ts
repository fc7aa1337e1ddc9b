/**
 * What smtpctl shows of a queue: one that is running, or the spool of one that is not.
 */
import type { Clock } from "#base/ports/clock.ts";
import { unreachable } from "#base/unreachable.ts";
import type { MessageText } from "#model/delivery.ts";
import {
  type ControlAnswer,
  done,
  failed,
  type Target,
  type ViewRequest,
} from "#model/ipc/control-link.ts";
import {
  formatEnvelope,
  formatQueueJson,
  formatQueueLine,
  type QueuedEnvelope,
} from "#engine/queue/show.ts";
import { Tally } from "#engine/queue/tally.ts";

/** What is looked at in the queue alone; a trace is also looked for elsewhere (trace-view.ts). */
type QueueViewRequest = Exclude<ViewRequest, { readonly kind: "show-trace" }>;

/** What is looked at. A `Queue` is one. */
export interface QueueView {
  /** In slices, which may be empty. */
  envelopes(target: Target): AsyncIterable<readonly QueuedEnvelope[]>;
  count(target: Target): Promise<number>;
  /** By msgid or evpid; undefined if there is no such message. */
  text(id: string): MessageText | undefined | Promise<MessageText | undefined>;
}

/** The answers, the last of which is "done". */
export async function* showOf(
  view: QueueView,
  clock: Clock,
  request: QueueViewRequest,
): AsyncGenerator<ControlAnswer> {
  switch (request.kind) {
    case "show-queue":
      yield* showQueue(view, clock, request);
      return;
    case "show-counts":
      yield* showCounts(view, clock, request);
      return;
    case "show-envelope":
      yield* showEnvelope(view, clock, request.evpid);
      return;
    case "show-message":
      yield* showMessage(view, request.id);
      return;
    default:
      unreachable(request);
  }
}

/** One envelope in one line. */
export function rowOf(queued: QueuedEnvelope, nowMs: number): ControlAnswer {
  const line = formatQueueLine(queued, nowMs);
  return { kind: "row", line, json: formatQueueJson(queued, nowMs) };
}

async function* showQueue(
  view: QueueView,
  clock: Clock,
  { target, form }: QueueViewRequest & { readonly kind: "show-queue" },
): AsyncGenerator<ControlAnswer> {
  for await (const some of view.envelopes(target)) {
    const nowMs = clock.wallMs();
    for (const queued of some)
      yield form === "text"
        ? { kind: "row", line: formatQueueLine(queued, nowMs), json: "" }
        : { kind: "row", line: "", json: formatQueueJson(queued, nowMs) };
  }
  yield done();
}

async function* showCounts(
  view: QueueView,
  clock: Clock,
  { target, by, groups }: QueueViewRequest & { readonly kind: "show-counts" },
): AsyncGenerator<ControlAnswer> {
  if (by === undefined) {
    const count = await view.count(target);
    yield { kind: "row", line: String(count), json: JSON.stringify({ envelopes: count }) };
    yield done();
    return;
  }
  const tally = new Tally(by);
  for await (const some of view.envelopes(target)) {
    const nowMs = clock.wallMs();
    for (const queued of some) tally.add(queued, nowMs);
  }
  for (const row of tally.rows(groups)) yield { kind: "row", ...row };
  yield done();
}

async function* showEnvelope(
  view: QueueView,
  clock: Clock,
  evpid: string,
): AsyncGenerator<ControlAnswer> {
  for await (const [queued] of view.envelopes({ kind: "id", id: evpid })) {
    if (queued === undefined) continue;
    const nowMs = clock.wallMs();
    yield { kind: "row", line: "", json: formatQueueJson(queued, nowMs) };
    for (const line of formatEnvelope(queued, nowMs).trimEnd().split("\n"))
      yield { kind: "row", line, json: "" };
    yield done();
    return;
  }
  yield failed("no such envelope");
}

async function* showMessage(view: QueueView, id: string): AsyncGenerator<ControlAnswer> {
  const text = await view.text(id);
  if (text === undefined) {
    yield failed("no such message");
    return;
  }
  for await (const bytes of text.chunks()) yield { kind: "bytes", bytes };
  yield done();
}
