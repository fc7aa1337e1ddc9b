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
  const answers = new Answers(() => isAnswerDue(child));
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
    const isSound = handle === null && answers.push(bytes, (answer) => taken.call(this, answer));
    if (isSound) return;
    state = "misused";
    misused();
  };
}

/** Takes a stream apart into answers. */
class Answers {
  readonly #isDue: () => boolean;
  /** The start of an answer. */
  #rest = "";

  constructor(isDue: () => boolean) {
    this.#isDue = isDue;
  }

  /** Gives each whole answer to `take`; false: it is something else. */
  push(bytes: ArrayBuffer, take: (answer: ArrayBuffer) => void): boolean {
    // What is longer than all answers that can be due is none, and is not looked at.
    if (bytes.byteLength > MAX_READ_BYTES) return false;
    let text = this.#rest + Buffer.from(bytes).toString("latin1");
    for (;;) {
      const answer = ANSWERS.find((each) => text.startsWith(each));
      if (answer === undefined) break;
      if (!this.#isDue()) return false;
      text = text.slice(answer.length);
      take(new Uint8Array(Buffer.from(answer, "latin1")).buffer);
    }
    this.#rest = text;
    return ANSWERS.some((each) => each.startsWith(text));
  }
}

/** Node waits for an answer before it sends the next handle: one or two are in a read. */
const MAX_READ_BYTES = 4096;

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
