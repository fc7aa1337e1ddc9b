/**
 * A pair of joined sockets, made by the parent to hand one end to each of two
 * children. Node has no socketpair(2), so the parent connects to itself over a
 * socket in a folder that only it can enter.
 *
 * A pair that cannot be made, most of all for lack of descriptors, is a string that says
 * why; the next one begins afresh.
 */
import { createServer, connect as connectSocket, type Server, type Socket } from "node:net";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "#base/ports/clock.ts";
import type { Pairs } from "./child.ts";

const SOCKET_NAME = /^pairs\.([0-9]+)\.sock$/;

/**
 * How long a connection to ourselves may take, which is a turn or two of the event loop.
 * Where no descriptor is left to accept it with, libuv closes it and tells nobody.
 */
const PAIR_TIMEOUT_MS = 2_000;

/** Makes pairs, one after the other, at a private path. */
export class SocketPairs implements Pairs<Socket> {
  readonly #folder: string;
  readonly #path: string;
  readonly #clock: Clock;
  #server: Server | undefined;
  /** Takes the other end of the one connect that is under way, or why there is none. */
  #accepted: ((far: Socket | string) => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** `folder` must be closed to every other user: whoever can enter it could connect. */
  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#path = join(folder, `pairs.${process.pid}.sock`);
    this.#clock = clock;
  }

  pair(): Promise<readonly [Socket, Socket] | string> {
    const made = this.#last.then(() => this.#make());
    this.#last = made;
    return made;
  }

  /** Resolves once the socket file is gone; pairs that were made live on. */
  async close(): Promise<void> {
    await this.#last;
    this.#endServer();
  }

  async #make(): Promise<readonly [Socket, Socket] | string> {
    const fault = this.#server === undefined ? await this.#listen() : undefined;
    if (fault !== undefined) return fault;
    const { promise, resolve } = Promise.withResolvers<Socket | string>();
    this.#accepted = resolve;
    const near = connectSocket({ path: this.#path, allowHalfOpen: true });
    near.pause();
    const failed = (error: Error): void => resolve(error.message);
    near.once("error", failed);
    const cancel = this.#clock.after(PAIR_TIMEOUT_MS, () => resolve("the socket is not accepted"));
    const far = await promise;
    cancel();
    if (typeof far !== "string") {
      near.off("error", failed);
      return [near, far];
    }
    this.#accepted = undefined;
    near.destroy();
    // A connection that is still on its way would be taken for the next one.
    this.#endServer();
    return far;
  }

  #endServer(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  #listen(): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      if (this.#accepted === undefined) socket.destroy();
      else this.#accepted(socket);
      this.#accepted = undefined;
    });
    server.on("error", (error) => {
      resolve(error.message);
      this.#accepted?.(error.message);
    });
    try {
      for (const name of leftBehind(this.#folder))
        rmSync(join(this.#folder, name), { force: true });
    } catch (error) {
      return Promise.resolve(error instanceof Error ? error.message : String(error));
    }
    server.listen(this.#path, () => {
      this.#server = server;
      resolve(undefined);
    });
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
