/**
 * One request to the daemon over its control socket, and the answers to it.
 */
import type { Connection, Network, NetworkFault } from "#base/ports/network.ts";
import {
  type ControlAnswer,
  type ControlRequest,
  controlAnswerCodec,
  controlRequestCodec,
  MAX_ANSWER_BYTES,
} from "#model/ipc/control-link.ts";
import { encodeFrame, FrameReader } from "#model/ipc/frame.ts";

const CONNECT_TIMEOUT_MS = 10_000;
/** A row has two texts of up to MAX_ANSWER_BYTES. */
const MAX_FRAME_BYTES: number = 2 * MAX_ANSWER_BYTES + 1024;

export type Done = ControlAnswer & { readonly kind: "done" };
export type Part = Exclude<ControlAnswer, Done>;

export type Conversed =
  | Done
  /** Nobody listens. */
  | { readonly kind: "not-running"; readonly why: string }
  | { readonly kind: "no-answer"; readonly why: string };

export interface Question {
  readonly socketPath: string;
  readonly request: ControlRequest;
}

/** Who is given the answer, a part at a time. */
export interface Reader {
  take(part: Part): void;
  /** Undefined, or what to wait for before more is read from the daemon. */
  drained(): Promise<void> | undefined;
}

/** Asks, gives the parts of the answer to `to` as they come, and resolves with its end. */
export async function converse(
  network: Network,
  { socketPath, request }: Question,
  to: Reader,
): Promise<Conversed> {
  const connection = await network.connect(
    { kind: "unix", path: socketPath },
    { timeoutMs: CONNECT_TIMEOUT_MS },
  );
  if ("kind" in connection) return notReached(connection);
  const { promise, resolve } = Promise.withResolvers<Conversed>();
  const reader = new FrameReader(controlAnswerCodec, MAX_FRAME_BYTES);
  connection.start({
    data(bytes) {
      const fault = reader.push(bytes, (answer) => {
        if (answer.kind === "done") resolve(answer);
        else to.take(answer);
      });
      void waitFor(to.drained(), connection);
      if (fault !== undefined) resolve(noAnswer("incompatible smtpctl and smtpd"));
    },
    end: () => connection.end(),
    drain() {},
    closed: () => resolve(noAnswer("smtpd closed the connection before it had answered")),
  });
  connection.write(encodeFrame(controlRequestCodec, request));
  const conversed = await promise;
  connection.destroy();
  return conversed;
}

/** A slow reader, such as a pager, makes the daemon wait too. */
async function waitFor(drained: Promise<void> | undefined, connection: Connection): Promise<void> {
  if (drained === undefined) return;
  connection.pause();
  await drained;
  connection.resume();
}

function noAnswer(why: string): Conversed {
  return { kind: "no-answer", why };
}

function notReached({ code, message }: NetworkFault): Conversed {
  if (code === "ENOENT" || code === "ECONNREFUSED")
    return { kind: "not-running", why: "smtpd doesn't seem to be running" };
  if (code === "EACCES" || code === "EPERM") return noAnswer("need root privileges");
  return noAnswer(`cannot reach smtpd: ${message}`);
}
