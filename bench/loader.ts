/**
 * A load generator: sessions that send messages over TCP or a UNIX-domain socket,
 * one command a round trip, as a plain SMTP client does.
 *
 *   bin/node bench/loader.ts --port N | --unix PATH [--sessions 50] [--messages 1000]
 *     [--bytes 4096] [--per-connection 1] [--users 1] [--prefix u] [--tls] [--idle-ms N]
 *
 * Prints one line of JSON: messages acknowledged, failures, seconds, and how long the
 * acknowledgement of a message took from its last byte. `--tls` has it say STARTTLS first,
 * in TLS 1.3 and with a handshake for each connection. With `--idle-ms` it opens the
 * sessions, greets, says "open", keeps them open that long, and sends nothing.
 *
 * It reads replies by their last line and nothing more: it is a load, not a client.
 */
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { connect as startTls } from "node:tls";
import { parseArgs } from "node:util";
import type { LoadResult } from "./load-result.ts";

interface Load {
  readonly server: NetConnectOpts;
  readonly sessions: number;
  readonly messages: number;
  readonly messageBytes: number;
  readonly perConnection: number;
  /** Recipients, taken in turn: the prefix and a number from 1 on. */
  readonly users: number;
  readonly prefix: string;
  readonly tls: boolean;
}

const LINE_BYTES = 74;
const HELLO = "EHLO client.example\r\n";
/** Idle sessions that come from one address: a server may have a bound on them. */
const SESSIONS_PER_ADDRESS = 400;
const LOOK_EVERY_MS = 500;
const HEADER = "From: <a@client.example>\r\nTo: <b@bench.example>\r\nSubject: load\r\n\r\n";

/** One connection: sends a line, waits for the reply's last line. */
class Connection {
  #socket: Socket;
  #received = "";
  #waiting: { readonly resolve: (code: number) => void } | undefined;

  constructor(server: NetConnectOpts) {
    this.#socket = connect(server);
    this.#socket.setNoDelay(true);
    this.#listen();
  }

  /** Greets, over TLS if it shall be; whether all went well. */
  async greet(tls: boolean): Promise<boolean> {
    if ((await this.reply()) !== 220) return false;
    if ((await this.send(HELLO)) !== 250) return false;
    return !tls || ((await this.#secure()) && (await this.send(HELLO)) === 250);
  }

  /** The code of the next reply; 0 once the connection has ended. */
  reply(): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting = { resolve };
      if (this.#socket.destroyed) this.#answer(0);
      else this.#settle();
    });
  }

  send(bytes: string | Uint8Array): Promise<number> {
    this.#socket.write(bytes);
    return this.reply();
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** QUIT, not awaited. */
  close(): void {
    this.#socket.end("QUIT\r\n");
  }

  async #secure(): Promise<boolean> {
    if ((await this.send("STARTTLS\r\n")) !== 220) return false;
    this.#socket.removeAllListeners();
    const secured = startTls({
      socket: this.#socket,
      minVersion: "TLSv1.3",
      rejectUnauthorized: false,
    });
    this.#socket = secured;
    secured.once("secureConnect", () => this.#answer(220));
    this.#listen();
    return (await this.reply()) === 220;
  }

  #listen(): void {
    this.#socket.on("data", (chunk) => {
      this.#received += chunk.toString("latin1");
      this.#settle();
    });
    this.#socket.on("error", () => this.#answer(0));
    this.#socket.on("close", () => this.#answer(0));
  }

  #settle(): void {
    const end = /^\d{3}(?: .*)?\r\n/m.exec(this.#received);
    if (end === null || this.#waiting === undefined) return;
    this.#received = this.#received.slice(end.index + end[0].length);
    this.#answer(Number(end[0].slice(0, 3)));
  }

  #answer(code: number): void {
    this.#waiting?.resolve(code);
    this.#waiting = undefined;
  }
}

class Loader {
  readonly #load: Load;
  readonly #text: Uint8Array;
  readonly #latenciesMs: number[] = [];
  #started = 0;
  #failed = 0;

  constructor(load: Load) {
    this.#load = load;
    const line = `${"x".repeat(LINE_BYTES - 2)}\r\n`;
    const body = line.repeat(Math.ceil(load.messageBytes / LINE_BYTES)).slice(0, load.messageBytes);
    this.#text = Buffer.from(`${HEADER}${body}\r\n.\r\n`, "latin1");
  }

  async run(): Promise<LoadResult> {
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: this.#load.sessions }, () => this.#work()));
    const seconds = (performance.now() - startedMs) / 1000;
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    return {
      acknowledged: sorted.length,
      failed: this.#failed,
      seconds,
      p50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? 0,
      p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    };
  }

  /** One session after another, until every message was started. */
  async #work(): Promise<void> {
    const { messages, perConnection, server, tls } = this.#load;
    while (this.#started < messages) {
      const first = this.#started;
      const end = Math.min(first + perConnection, messages);
      this.#started = end;
      const connection = new Connection(server);
      let ok = await connection.greet(tls);
      let number = first;
      while (ok && number < end) {
        ok = await this.#sendMessage(connection, number);
        if (ok) number++;
      }
      this.#failed += end - number;
      connection.close();
    }
  }

  async #sendMessage(connection: Connection, number: number): Promise<boolean> {
    const user = `${this.#load.prefix}${1 + (number % this.#load.users)}`;
    if ((await connection.send("MAIL FROM:<a@client.example>\r\n")) !== 250) return false;
    if ((await connection.send(`RCPT TO:<${user}@bench.example>\r\n`)) !== 250) return false;
    if ((await connection.send("DATA\r\n")) !== 354) return false;
    const sentMs = performance.now();
    if ((await connection.send(this.#text)) !== 250) return false;
    this.#latenciesMs.push(performance.now() - sentMs);
    return true;
  }
}

/**
 * Opens `sessions` connections, greets on each, and holds them for `idleMs`.
 *
 * @throws {Error} if one is refused, or ended by the server.
 */
async function holdIdle(load: Load, idleMs: number): Promise<LoadResult> {
  const startedMs = performance.now();
  const connections: Connection[] = [];
  const open = async (): Promise<void> => {
    while (connections.length < load.sessions) {
      const network = 1 + Math.floor(connections.length / SESSIONS_PER_ADDRESS);
      const connection = new Connection({ localAddress: `127.0.${network}.1`, ...load.server });
      connections.push(connection);
      if (!(await connection.greet(load.tls))) throw new Error("Cannot open a session: refused");
    }
  };
  await Promise.all(Array.from({ length: 20 }, open));
  process.stderr.write("open\n");
  const idleUntilMs = performance.now() + idleMs;
  while (performance.now() < idleUntilMs) {
    await pause(LOOK_EVERY_MS);
    if (connections.some(({ isClosed }) => isClosed)) throw new Error("A session was ended");
  }
  for (const connection of connections) connection.close();
  const seconds = (performance.now() - startedMs) / 1000;
  return { acknowledged: connections.length, failed: 0, seconds, p50Ms: 0, p99Ms: 0 };
}

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    unix: { type: "string" },
    sessions: { type: "string", default: "50" },
    messages: { type: "string", default: "1000" },
    bytes: { type: "string", default: "4096" },
    "per-connection": { type: "string", default: "1" },
    users: { type: "string", default: "1" },
    prefix: { type: "string", default: "u" },
    tls: { type: "boolean", default: false },
    "idle-ms": { type: "string" },
  },
});

const load: Load = {
  server:
    values.unix === undefined
      ? { host: "127.0.0.1", port: Number(values.port) }
      : { path: values.unix },
  sessions: Number(values.sessions),
  messages: Number(values.messages),
  messageBytes: Number(values.bytes),
  perConnection: Number(values["per-connection"]),
  users: Number(values.users),
  prefix: values.prefix,
  tls: values.tls,
};
const idleMs = values["idle-ms"];
const result =
  idleMs === undefined ? await new Loader(load).run() : await holdIdle(load, Number(idleMs));
console.log(JSON.stringify(result));
