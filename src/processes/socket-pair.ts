/**
 * A pair of joined sockets, made by the parent to hand one end to each of two
 * children. Node has no socketpair(2), so the parent connects to itself over a
 * socket in a folder that only it can enter.
 */
import { createServer, connect as connectSocket, type Server, type Socket } from "node:net";
import { unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Pairs } from "./child.ts";

/** Makes pairs, one after the other, at a private path. */
export class SocketPairs implements Pairs<Socket> {
  readonly #path: string;
  #server: Promise<Server> | undefined;
  /** Ends accepted in the order of the connects; connects are made one at a time. */
  #accepted: ((socket: Socket) => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** `folder` must be closed to every other user: whoever can enter it could connect. */
  constructor(folder: string) {
    this.#path = join(folder, `pairs.${process.pid}.sock`);
  }

  pair(): Promise<readonly [Socket, Socket]> {
    const made = this.#last.then(() => this.#make());
    this.#last = made.catch(() => undefined);
    return made;
  }

  /** Resolves once the socket file is gone; pairs that were made live on. */
  async close(): Promise<void> {
    const server = await this.#server;
    this.#server = undefined;
    server?.close();
  }

  async #make(): Promise<readonly [Socket, Socket]> {
    this.#server ??= this.#listen();
    await this.#server;
    const accepted = Promise.withResolvers<Socket>();
    this.#accepted = accepted.resolve;
    const near = connectSocket({ path: this.#path, allowHalfOpen: true });
    near.pause();
    near.once("error", accepted.reject);
    const far = await accepted.promise;
    near.off("error", accepted.reject);
    return [near, far];
  }

  #listen(): Promise<Server> {
    const { promise, resolve, reject } = Promise.withResolvers<Server>();
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      const accepted = this.#accepted;
      this.#accepted = undefined;
      if (accepted === undefined) socket.destroy();
      else accepted(socket);
    });
    server.once("error", reject);
    try {
      unlinkSync(this.#path);
    } catch {
      // Nothing was left behind by an earlier process of this number.
    }
    server.listen(this.#path, () => resolve(server));
    return promise;
  }
}
