/**
 * `smtpctl trace`: what happened to messages, and why what is left of them waits. Of a queue
 * that is running, or of the files of one that is not.
 */
import type { Clock } from "#base/ports/clock.ts";
import { unreachable } from "#base/unreachable.ts";
import { type ControlAnswer, type ControlRequest, done, failed } from "#model/ipc/control-link.ts";
import { type TraceEntry, tracedRecipient, type TraceSince } from "#model/trace.ts";
import { printable } from "#engine/observe/visible-text.ts";
import type { QueuedEnvelope } from "#engine/queue/show.ts";
import { formatReason } from "#engine/scheduler/wait-reason.ts";
import type { TracePlace } from "#engine/trace/trace-folder.ts";
import { linesOf } from "#engine/trace/trace-lines.ts";
import { findTrace, type Life } from "#engine/trace/trace-search.ts";
import type { QueueView } from "./queue-views.ts";

/** What is looked at. */
export interface TraceView {
  readonly queue: Pick<QueueView, "envelopes">;
  readonly place: TracePlace;
  /** Has what happened until now be in the files. */
  flushed(): Promise<void>;
}

/** @throws {FilesError} */
export async function* showTrace(
  view: TraceView,
  clock: Clock,
  { subject, since }: ControlRequest & { readonly kind: "show-trace" },
): AsyncGenerator<ControlAnswer> {
  await view.flushed();
  const found = await findTrace(view.place, { subject, sinceMs: fromMs(since, clock) });
  let rows = 0;
  for (const life of found.lives) {
    const living = await livingOf(view.queue, life);
    for (const row of rowsOf(life, living, clock.wallMs())) {
      rows++;
      yield row;
    }
  }
  for (const what of found.damage) yield note(`the trace cannot be read whole: ${what}`);
  if (found.isCut) yield note("there is more than is shown: ask for less, or with --since");
  yield rows === 0 ? failed("nothing is known of it") : done();
}

function fromMs(since: TraceSince, clock: Clock): number {
  switch (since.kind) {
    case "ever":
      return 0;
    case "at":
      return since.atMs;
    case "ago":
      return clock.wallMs() - since.agoMs;
    default:
      return unreachable(since);
  }
}

/** What of it is still in the queue. */
async function livingOf(
  queue: Pick<QueueView, "envelopes">,
  { msgid, evpids }: Life,
): Promise<readonly QueuedEnvelope[]> {
  const living: QueuedEnvelope[] = [];
  for await (const some of queue.envelopes({ kind: "id", id: msgid })) {
    for (const queued of some)
      if (evpids === "all" || evpids.has(queued.envelope.evpid)) living.push(queued);
  }
  return living;
}

function* rowsOf(
  life: Life,
  living: readonly QueuedEnvelope[],
  nowMs: number,
): Generator<ControlAnswer> {
  const isBegun = life.entries.some(({ kind }) => kind === "accepted");
  const [first] = living;
  const begun =
    isBegun || first === undefined
      ? life
      : { ...life, entries: [acceptance(first, living), ...life.entries] };
  let before: TraceEntry | undefined;
  for (const { line, entry } of linesOf(begun)) {
    // An entry of several lines is one object.
    yield { kind: "row", line, json: entry === before ? "" : JSON.stringify(entry) };
    before = entry;
  }
  for (const { envelope, reason } of living) {
    const { evpid } = envelope;
    const reasonText = formatReason(reason, nowMs);
    yield {
      kind: "row",
      line: `now ${evpid} ${printable(reasonText)}`,
      json: JSON.stringify({ kind: "waiting", evpid, atMs: Math.round(nowMs), reason, reasonText }),
    };
  }
}

/** Of a message that was accepted before anything was traced, or too long ago. */
function acceptance(
  { message }: QueuedEnvelope,
  living: readonly QueuedEnvelope[],
): TraceEntry & { readonly kind: "accepted" } {
  const { msgid, acceptedAtMs, reversePath, origin, textBytes, terms } = message;
  return {
    kind: "accepted",
    msgid,
    atMs: acceptedAtMs,
    messageId: "",
    reversePath,
    origin,
    textBytes,
    holdUntilMs: terms?.holdUntilMs ?? 0,
    recipients: living.map(({ envelope }) => tracedRecipient(envelope)),
  };
}

function note(text: string): ControlAnswer {
  const line = printable(text, Number.POSITIVE_INFINITY);
  return { kind: "row", line: `- ${line}`, json: JSON.stringify({ kind: "note", text }) };
}
