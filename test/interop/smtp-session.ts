/** A client that speaks SMTP line by line over a real socket, as a test tells it. */
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { until } from "./greeting.ts";

const LAST_LINE = /^\d{3}(?: [^\r\n]*)?\r\n/mu;

export class SmtpSession implements Disposable {
  readonly #socket: Socket;
  #heard = "";
  #state: "open" | "ended" = "open";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.#heard += chunk.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#state = "ended";
    });
  }

  /** Connected; the first reply is the greeting. */
  static async connected(server: NetConnectOpts): Promise<SmtpSession> {
    return new SmtpSession(connect(server));
  }

  /** Connected and greeted. */
  static async open(server: NetConnectOpts): Promise<SmtpSession> {
    const session = await SmtpSession.connected(server);
    await session.reply();
    return session;
  }

  /** EHLO, MAIL, RCPT and DATA, up to the 354. */
  static async inData(server: NetConnectOpts, to: string): Promise<SmtpSession> {
    const session = await SmtpSession.open(server);
    await session.say("EHLO client.example");
    await session.say("MAIL FROM:<sender@client.example>");
    await session.say(`RCPT TO:<${to}>`);
    const reply = await session.say("DATA");
    if (!reply.startsWith("354")) throw new Error(`Cannot go on: DATA was answered ${reply}`);
    return session;
  }

  /** Sends a line and resolves with the reply. */
  async say(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  sendOctets(octets: Uint8Array): void {
    this.#socket.write(octets);
  }

  /** The next reply, "" if the connection ended without one. */
  async reply(): Promise<string> {
    await until(() => LAST_LINE.test(this.#heard) || this.#state === "ended", "reply");
    const match = LAST_LINE.exec(this.#heard);
    if (match === null) return "";
    const end = match.index + match[0].length;
    const reply = this.#heard.slice(0, end);
    this.#heard = this.#heard.slice(end);
    return reply;
  }

  /** Resolves when the server has closed the connection. */
  async ended(): Promise<void> {
    await until(() => this.#state === "ended", "end of the connection");
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
