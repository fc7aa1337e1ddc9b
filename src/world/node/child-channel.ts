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
 *
 * One child hands sockets to us (`Passed`): a line of fixed form, with one descriptor, and
 * not another before it is answered. Node reads nothing of it either.
 */
import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";

/** What Node sends, in a line each, when a handle has arrived, and when its descriptor was lost. */
const ACK = "NODE_HANDLE_ACK";
const ANSWERS: readonly string[] = [ACK, "NODE_HANDLE_NACK"].map(
  (cmd) => `${JSON.stringify({ cmd })}\n`,
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

/** A UNIX-domain socket that a child has handed to us, which nothing was read of. */
export interface Passed {
  readonly endpoint: string;
  readonly uid: number;
  readonly socket: Socket;
}

/** What is done about what a child says. */
export interface ChannelOwner {
  /** Called once: the child says what it must not. Nothing of that is taken. */
  misused(): void;
  /** Takes a socket; the child may send the next when it resolves. Left out: it may send none. */
  readonly passed?: (passed: Passed) => Promise<void>;
}

/** From now on all that the child says on its channel is looked at. */
export function guardChannel(child: ChildProcess, owner: ChannelOwner): void {
  const pipe = pipeOf(child);
  if (pipe === undefined) return; // It did not start.
  const taken = pipe.onread;
  let state: "sound" | "passing" | "misused" = "sound";
  const pass = async (passed: Passed, take: NonNullable<ChannelOwner["passed"]>): Promise<void> => {
    state = "passing";
    await take(passed);
    if (state === "passing") state = "sound";
    // As Node itself answers; it may have gone.
    if (child.connected) child.send({ cmd: ACK }, () => undefined);
  };
  pipe.onread = function (bytes) {
    const handle = this.pendingHandle;
    this.pendingHandle = null;
    if (bytes === undefined) {
      handle?.close();
      taken.call(this, undefined);
      return;
    }
    if (state === "misused") {
      handle?.close();
      return;
    }
    if (handle === null && isAnswer(bytes) && isAnswerDue(child)) {
      taken.call(this, bytes);
      return;
    }
    const read = handle === null ? undefined : readPassed(bytes, isAnswerDue(child));
    if (owner.passed !== undefined && state === "sound" && read !== undefined && isPipe(handle)) {
      // What it has answered before came in the same read.
      if (read.answer.byteLength > 0) taken.call(this, read.answer);
      void pass({ ...read.passed, socket: unreadSocket(handle) }, owner.passed);
      return;
    }
    handle?.close();
    state = "misused";
    owner.misused();
  };
}

/** As Node writes a bare handle with a message. */
const PASSED = /^\{"cmd":"NODE_HANDLE","type":"net\.Native","msg":(\{[^\n]{1,512}\})\}\n$/u;
const MAX_UID = 0xffff_ffff;

/** What came before it, and with it; undefined if it is anything else. */
function readPassed(
  bytes: ArrayBuffer,
  mayAnswer: boolean,
): { readonly answer: ArrayBuffer; readonly passed: Omit<Passed, "socket"> } | undefined {
  if (bytes.byteLength > MAX_PASSED_BYTES) return undefined;
  const text = Buffer.from(bytes).toString("latin1");
  const answer = mayAnswer ? (ANSWERS.find((each) => text.startsWith(each)) ?? "") : "";
  const body = PASSED.exec(text.slice(answer.length))?.[1];
  const told = body === undefined ? undefined : parsedObject(body);
  if (told === undefined) return undefined;
  const { endpoint, uid } = told;
  if (typeof endpoint !== "string" || typeof uid !== "number") return undefined;
  if (!Number.isInteger(uid) || uid < 0 || uid > MAX_UID) return undefined;
  return { answer: bytes.slice(0, answer.length), passed: { endpoint, uid } };
}

const MAX_PASSED_BYTES = 1024;

function parsedObject(
  text: string,
): { readonly endpoint?: unknown; readonly uid?: unknown } | undefined {
  try {
    return JSON.parse(Buffer.from(text, "latin1").toString()) as object;
  } catch {
    return undefined;
  }
}

/** Not a socket of TCP, and none of datagrams. */
function isPipe(handle: ChannelPipe["pendingHandle"]): handle is NonNullable<typeof handle> {
  return handle !== null && handle.constructor.name === "Pipe";
}

/** Node would begin to read; as net.Server has it with `pauseOnConnect`, it does not. */
function unreadSocket(handle: object): Socket {
  // Undocumented, as the handle is: of what is in here Node's types know half.
  const options = { handle, pauseOnCreate: true } as object;
  const socket = new Socket({ ...options, allowHalfOpen: true, readable: true, writable: true });
  socket.on("error", () => undefined);
  return socket;
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
