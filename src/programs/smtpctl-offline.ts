/**
 * The queue of a daemon that is down, as smtpctl(8) shows it: read from its spool, which is
 * not changed.
 *
 * A folder that is not there is a daemon that never ran: then it is said that none runs, as
 * of every other command.
 */
import type { Clock } from "#base/ports/clock.ts";
import { FilesError } from "#base/ports/files.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  isView,
  type ViewRequest,
} from "#model/ipc/control-link.ts";
import { type SpoolReading, StoredQueue } from "#engine/queue/stored-queue.ts";
import type { TracePlace } from "#engine/trace/trace-folder.ts";
import { showOf } from "#processes/queue-views.ts";
import { showTrace } from "#processes/trace-view.ts";
import type { Conversed, Reader } from "./smtpctl-conversation.ts";

export interface SpoolPlace {
  /** The folder. */
  readonly spool: string;
  /** `-f`: the configuration that says where the keys of an encrypted one are. */
  readonly configFile: string | undefined;
}

export interface OfflineQueue {
  /** Undefined: only a daemon could answer. */
  answer(request: ControlRequest, place: SpoolPlace, to: Reader): Promise<Conversed | undefined>;
}

export interface OfflineSpool extends SpoolReading {
  readonly trace: TracePlace;
}

/** Reads a spool; undefined if there is none, and a string says why it cannot be read. */
export type OpenSpool = (place: SpoolPlace) => Promise<OfflineSpool | string | undefined>;

export function offlineQueue(open: OpenSpool, clock: Clock): OfflineQueue {
  return {
    async answer(request, place, to) {
      if (!isView(request)) return undefined;
      const spool = await open(place);
      if (spool === undefined) return undefined;
      if (typeof spool === "string") return noAnswer(place, spool);
      try {
        return await tell(answersOf(request, spool, clock), to);
      } catch (error) {
        if (!(error instanceof FilesError)) throw error;
        return noAnswer(place, error.message);
      }
    },
  };
}

function answersOf(
  request: ViewRequest,
  spool: OfflineSpool,
  clock: Clock,
): AsyncIterable<ControlAnswer> {
  const queue = new StoredQueue(spool, clock);
  if (request.kind !== "show-trace") return showOf(queue, clock, request);
  return showTrace({ queue, place: spool.trace, flushed: nothingToFlush }, clock, request);
}

/** Whoever wrote the trace is gone. */
async function nothingToFlush(): Promise<void> {}

async function tell(answers: AsyncIterable<ControlAnswer>, to: Reader): Promise<Conversed> {
  for await (const answer of answers) {
    if (answer.kind === "done") return answer;
    to.take(answer);
    await to.drained();
  }
  throw new TypeError("Cannot tell an answer that has no end");
}

function noAnswer({ spool }: SpoolPlace, why: string): Conversed {
  return {
    kind: "no-answer",
    why: `smtpd doesn't seem to be running, and the spool ${spool} cannot be read: ${why}`,
  };
}
