/**
 * Guards Node's own channel to a child process, by which we hand over sockets: of what the
 * child says there nothing is taken but Node's word that a handle has arrived.
 *
 * Node trusts the other end of that channel. A line that is no JSON, or an answer that nobody
 * waits for, is thrown out of the event loop and ends this process; a line without an end is
 * kept in memory whole; a descriptor that comes is opened (tried with Node 26.10). A child that
 * was taken over could so end its parent, and with it everybody. Node offers no way to look at
 * what comes before it does, so its pipe is found by a symbol and its reader replaced: this file
 * and its test are the only places that know.
 */
import type { ChildProcess } from "node:child_process";

/** What Node sends, in a line each, when a handle has arrived, and when its descriptor was lost. */
const ANSWERS: readonly string[] = ["ACK", "NACK"].map(
  (word) => `${JSON.stringify({ cmd: `NODE_HANDLE_${word}` })}\n`,
);

/** Node's inner end of the channel. */
interface ChannelPipe {
  /** Undefined at the end. */
  onread: (this: ChannelPipe, bytes: ArrayBuffer | undefined) => void;
  /** A descriptor that came with what is read. */
  pendingHandle: { close(): void } | null;
}

/** What Node keeps of the handles that it has sent; it is a list while an answer is due. */
interface SendingProcess extends ChildProcess {
  readonly _handleQueue?: readonly unknown[] | null;
}

/**
 * From now on `misused` is called, once, when the child says anything else; nothing of that
 * is taken.
 */
export function guardChannel(child: ChildProcess, misused: () => void): void {
  const pipe = pipeOf(child);
  if (pipe === undefined) return; // It did not start.
  const taken = pipe.onread;
  let state: "sound" | "misused" = "sound";
  pipe.onread = function (bytes) {
    const handle = this.pendingHandle;
    this.pendingHandle = null;
    handle?.close();
    if (bytes === undefined) {
      taken.call(this, undefined);
      return;
    }
    if (state === "misused") return;
    if (handle === null && isAnswer(bytes) && isAnswerDue(child)) {
      taken.call(this, bytes);
      return;
    }
    state = "misused";
    misused();
  };
}

/**
 * Node waits for an answer before it sends the next handle, and so few octets are read as they
 * were written: each read is one answer.
 */
function isAnswer(bytes: ArrayBuffer): boolean {
  return (
    bytes.byteLength <= MAX_ANSWER_BYTES && ANSWERS.includes(Buffer.from(bytes).toString("latin1"))
  );
}

const MAX_ANSWER_BYTES: number = Math.max(...ANSWERS.map(({ length }) => length));

function isAnswerDue(child: SendingProcess): boolean {
  const { ["_handleQueue"]: waiting } = child;
  return Array.isArray(waiting);
}

function pipeOf(child: ChildProcess): ChannelPipe | undefined {
  const symbol = Object.getOwnPropertySymbols(child).find(
    ({ description }) => description === "kChannelHandle",
  );
  if (symbol === undefined) throw new TypeError("Cannot guard a channel: Node has another inside");
  return (child as unknown as Record<symbol, ChannelPipe | null | undefined>)[symbol] ?? undefined;
}
