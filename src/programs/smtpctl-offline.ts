/**
 * The queue of a daemon that is down, as smtpctl(8) shows it: read from its spool, which is
 * not changed.
 *
 * A folder that is not there is a daemon that never ran: then it is said that none runs, as
 * of every other command.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { ControlRequest } from "#model/ipc/control-link.ts";
import { type SpoolReading, StoredQueue } from "#engine/queue/stored-queue.ts";
import { showOf, type ViewRequest } from "#processes/queue-views.ts";
import { FilesError } from "#base/ports/files.ts";
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

/** Reads a spool; undefined if there is none, and a string says why it cannot be read. */
export type OpenSpool = (place: SpoolPlace) => Promise<SpoolReading | string | undefined>;

export function offlineQueue(open: OpenSpool, clock: Clock): OfflineQueue {
  return {
    async answer(request, place, to) {
      if (!isForView(request)) return undefined;
      const spool = await open(place);
      if (spool === undefined) return undefined;
      if (typeof spool === "string") return noAnswer(place, spool);
      try {
        return await tell(new StoredQueue(spool, clock), { clock, request, to });
      } catch (error) {
        if (!(error instanceof FilesError)) throw error;
        return noAnswer(place, error.message);
      }
    },
  };
}

async function tell(
  queue: StoredQueue,
  {
    clock,
    request,
    to,
  }: { readonly clock: Clock; readonly request: ViewRequest; readonly to: Reader },
): Promise<Conversed | undefined> {
  for await (const answer of showOf(queue, clock, request)) {
    if (answer.kind === "done") return answer;
    to.take(answer);
    await to.drained();
  }
  return undefined;
}

function isForView(request: ControlRequest): request is ViewRequest {
  const { kind } = request;
  return (
    kind === "show-queue" ||
    kind === "show-counts" ||
    kind === "show-envelope" ||
    kind === "show-message"
  );
}

function noAnswer({ spool }: SpoolPlace, why: string): Conversed {
  return {
    kind: "no-answer",
    why: `smtpd doesn't seem to be running, and the spool ${spool} cannot be read: ${why}`,
  };
}
