/**
 * Sends sockets to a child over Node's channel, and loses none: each is the child's in the end,
 * or closed.
 *
 * Node keeps those in line behind one that the child has not answered for, and forgets them all
 * when the child ends: it neither closes them nor says so (tried with Node 26.10).
 */
import type { ChildProcess, Serializable } from "node:child_process";
import type { Socket } from "node:net";

/** Node's, of a socket; to close it again changes nothing. */
interface InnerHandle {
  close(): void;
}

export class SocketSending {
  readonly #child: ChildProcess;
  /** In line, with what resolves when they have left. */
  readonly #inLine = new Map<Socket, () => void>();
  /** The last that has left, for which the child may not have answered. */
  #last: InnerHandle | undefined;
  #isOver = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    // Of a child that dies with an answer due, Node may take the channel for connected.
    for (const end of ["disconnect", "exit"]) child.once(end, () => this.#end());
  }

  /** Resolves when the socket has left, or is closed. */
  send(message: Serializable, socket: Socket): Promise<void> {
    if (this.#isOver || !this.#child.connected) {
      socket.destroy();
      return Promise.resolve();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    // Node takes it out of the socket.
    const { _handle: handle } = socket as unknown as { readonly _handle: InnerHandle | null };
    this.#inLine.set(socket, resolve);
    this.#child.send(message, socket, { keepOpen: false }, () => {
      if (this.#inLine.delete(socket)) this.#last = handle ?? undefined;
      resolve();
    });
    return promise;
  }

  #end(): void {
    this.#isOver = true;
    this.#last?.close();
    for (const [socket, left] of this.#inLine) {
      socket.destroy();
      left();
    }
    this.#inLine.clear();
  }
}
