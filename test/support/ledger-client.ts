/**
 * A small SMTP client for loads that end badly: several sessions at once, each sending
 * message after message. What the server acknowledged is in the ledger before the
 * session sends on; a session that breaks is replaced until the client is stopped.
 */
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Ledger } from "./ledger.ts";
import type { LedgerMessage, LedgerTraffic } from "./ledger-traffic.ts";

/** The default of `smtp limit max-mails`: then a session makes way for another. */
const MAX_MESSAGES_PER_SESSION = 100;
/** Before a broken session is replaced, and before a refused message is followed by the next. */
const PAUSE_MS = 20;
/** A server that is there and says nothing for this long has forgotten the session. */
const REPLY_WITHIN_MS = 20_000;

export class LedgerClient {
  /** How often each reply refused a message, by its code and status. */
  readonly refusals: Map<string, number> = new Map();
  readonly #ledger: Ledger;
  readonly #traffic: LedgerTraffic;
  readonly #sessions: Promise<void>;
  #stopped = false;

  /** Begins at once: `sessions` of them, spread over `servers`. */
  constructor(
    servers: readonly NetConnectOpts[],
    sessions: number,
    load: { readonly ledger: Ledger; readonly traffic: LedgerTraffic },
  ) {
    this.#ledger = load.ledger;
    this.#traffic = load.traffic;
    const numbers = Array.from({ length: sessions }, (_, number) => number);
    this.#sessions = Promise.all(
      numbers.map((number) => this.#keepSending(servers[number % servers.length] ?? { port: 0 })),
    ).then(() => undefined);
  }

  /** Sends what is begun to its end, or to the end of its session. */
  stop(): Promise<void> {
    this.#stopped = true;
    return this.#sessions;
  }

  /** Resolves when the traffic is used up. */
  get finished(): Promise<void> {
    return this.#sessions;
  }

  async #keepSending(server: NetConnectOpts): Promise<void> {
    let hasMore = true;
    while (hasMore && !this.#stopped) {
      try {
        hasMore = await this.#session(server);
      } catch (error) {
        if (!(error instanceof SessionEnded)) throw error;
        if (!this.#stopped) await pause(PAUSE_MS);
      }
    }
  }

  /** False when there is nothing more to send. @throws {SessionEnded} */
  async #session(server: NetConnectOpts): Promise<boolean> {
    const socket = connect(server);
    try {
      const replies = new Replies(socket);
      await replies.next();
      socket.write("EHLO client.example\r\n");
      await replies.next();
      for (let sent = 0; sent < MAX_MESSAGES_PER_SESSION && !this.#stopped; sent++) {
        const message = this.#traffic.next();
        if (message === undefined) return false;
        await this.#send(socket, replies, message);
      }
      return true;
    } finally {
      socket.destroy();
    }
  }

  async #send(socket: Socket, replies: Replies, message: LedgerMessage): Promise<void> {
    const { id, recipient, wire, bodyHash } = message;
    this.#ledger.send(id, bodyHash);
    socket.write(`MAIL FROM:<load@client.example>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`);
    const answers = [await replies.next(), await replies.next(), await replies.next()];
    const isWanted = answers.at(-1)?.startsWith("354") === true;
    if (isWanted) {
      socket.write(wire);
      answers.push(await replies.next());
    }
    if (isWanted && answers.at(-1)?.startsWith("250") === true) {
      this.#ledger.acknowledge(id);
      return;
    }
    const refusal = answers.find((answer) => /^[45]/.test(answer))?.slice(0, 9) ?? "none";
    this.refusals.set(refusal, (this.refusals.get(refusal) ?? 0) + 1);
    socket.write("RSET\r\n");
    await replies.next();
    await pause(PAUSE_MS);
  }
}

/** The server, or its connection, is gone. */
export class SessionEnded extends Error {
  override readonly name = "SessionEnded";
}

/** The replies on a socket, each as its last line. */
export class Replies {
  readonly #ready: string[] = [];
  #rest = "";
  #isBroken = false;
  #waiting: PromiseWithResolvers<string> | undefined;

  constructor(socket: Socket) {
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#take(text));
    socket.on("error", () => undefined); // "close" follows.
    socket.on("close", () => {
      this.#isBroken = true;
      this.#waiting?.reject(new SessionEnded("The connection was closed"));
      this.#waiting = undefined;
    });
  }

  /** @throws {SessionEnded | Error} the latter if the server does not answer. */
  next(): Promise<string> {
    const ready = this.#ready.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#isBroken) return Promise.reject(new SessionEnded("The connection is closed"));
    const waiting = Promise.withResolvers<string>();
    this.#waiting = waiting;
    const limit = setTimeout(() => waiting.reject(new Error("No reply in time")), REPLY_WITHIN_MS);
    return waiting.promise.finally(() => clearTimeout(limit));
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\r\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      // RFC 5321 §4.2.1: a hyphen after the code means that more lines follow.
      if (line.charAt(3) === "-") continue;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting === undefined) this.#ready.push(line);
      else waiting.resolve(line);
    }
  }
}
