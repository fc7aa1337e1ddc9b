/**
 * A pair of joined sockets, made by the parent to hand one end to each of two
 * children. Node has no socketpair(2), so the parent connects to itself over a
 * socket in a folder that only it can enter.
 */
import { createServer, connect as connectSocket, type Server, type Socket } from "node:net";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Pairs } from "./child.ts";

const SOCKET_NAME = /^pairs\.([0-9]+)\.sock$/;

/** Makes pairs, one after the other, at a private path. */
export class SocketPairs implements Pairs<Socket> {
  readonly #folder: string;
  readonly #path: string;
  #server: Promise<Server> | undefined;
  /** Ends accepted in the order of the connects; connects are made one at a time. */
  #accepted: ((socket: Socket) => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** `folder` must be closed to every other user: whoever can enter it could connect. */
  constructor(folder: string) {
    this.#folder = folder;
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
    for (const name of leftBehind(this.#folder)) rmSync(join(this.#folder, name), { force: true });
    server.listen(this.#path, () => resolve(server));
    return promise;
  }
}

/** Sockets of processes that were killed, also one of our own number. */
function leftBehind(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => {
    const pid = Number(SOCKET_NAME.exec(name)?.[1]);
    return pid === process.pid || (pid > 0 && !isRunning(pid));
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
