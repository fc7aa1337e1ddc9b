/**
 * A server's end of the line: what the client says on it, and what its host answers, as it
 * should or as it is minded. Everything that is said is in the log.
 *
 * Promises: no pause outlives the client.
 */
import type { Connection } from "#base/ports/network.ts";
import { unreachable } from "#base/unreachable.ts";
import { ClientInput } from "./client-input.ts";
import { type About, NOBODY } from "./far-log.ts";
import type { FarHost } from "./far-host.ts";
import type { Deed, Stage } from "./trouble.ts";

/** What came of an answer: the usual one was given; a refusal was; the conversation is over. */
export type Answered = "usual" | "refused" | "over";

/** What there is to be said. */
export interface Answer {
  readonly stage: Stage;
  readonly code: number;
  /** Lines. */
  readonly words: string;
  readonly about: About;
}

/** How long a server that hangs up on idle clients waits for the next command. */
const IDLE_MS = 1000;
const SERVICE_CLOSING = 421;
const GO_ON = 354;

export class FarLine {
  readonly #host: FarHost;
  readonly #session: number;
  readonly #beganMs: number;
  #connection: Connection;
  #input = new ClientInput();
  /** Ends a pause that is under way. */
  #endPause: () => void = () => undefined;

  /** @param session its number at the host. */
  constructor(host: FarHost, connection: Connection, session: number) {
    this.#host = host;
    this.#session = session;
    this.#beganMs = host.ports.clock.wallMs();
    this.#connection = connection;
    this.goOnWith(connection);
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** The client has sent all it ever will. */
  get isDeserted(): boolean {
    return this.#input.isEnded;
  }

  /** From now on over this connection, on which nothing was read yet. */
  goOnWith(connection: Connection): void {
    const input = new ClientInput();
    this.#input = input;
    this.#connection = connection;
    connection.start({
      data: (bytes) => input.push(bytes),
      end: () => this.#hungUp(),
      drain: () => undefined,
      closed: () => this.#hungUp(),
    });
  }

  /** The next line; undefined: none comes. */
  line(): Promise<string | undefined> {
    return this.#input.upTo("\r\n");
  }

  /** The next line, unless the client keeps a host waiting that is minded to hang up on it. */
  async lineSoon(): Promise<string | undefined> {
    const deed = this.#host.deedAt("idle");
    if (deed === undefined) return this.line();
    const cancel = this.#host.ports.clock.after(IDLE_MS, () => this.#hangUp(deed));
    const line = await this.line();
    cancel();
    return line;
  }

  text(): Promise<string | undefined> {
    return this.#input.text();
  }

  end(): void {
    this.#connection.end();
  }

  breakOff(): void {
    this.#connection.destroy();
    this.#hungUp();
  }

  /** What it usually says at a stage, unless the host is minded otherwise. */
  async answer(answer: Answer): Promise<Answered> {
    const isRefusal = answer.code >= 400;
    const deed = isRefusal ? undefined : this.#host.deedAt(answer.stage);
    if (deed !== undefined) return this.#do(deed, answer, () => this.#reply(answer));
    this.#write(this.#reply(answer));
    return isRefusal ? "refused" : "usual";
  }

  /** What the host is minded to do where nothing is to be said; "usual": it goes on. */
  async behave(stage: Stage, about: About): Promise<Answered> {
    const deed = this.#host.deedAt(stage);
    return deed === undefined ? "usual" : this.#do(deed, { stage, about }, () => "");
  }

  /** @param usual has the reply that was to be given, if any; it is in the log then. */
  async #do(
    deed: Deed,
    { stage, about }: Pick<Answer, "stage" | "about">,
    usual: () => string,
  ): Promise<Answered> {
    switch (deed.kind) {
      case "reply":
        return this.#refuse(stage, deed.code, about);
      case "close":
        return "over";
      case "half-close":
        this.#connection.end();
        return this.#over();
      case "reset":
        this.#connection.destroy();
        return this.#over();
      case "slow":
        await this.#pause(deed.delayMs);
        this.#write(usual());
        return "usual";
      case "drip":
        return this.#drip(usual(), deed.delayMs);
      case "cut":
        this.#write(half(usual()));
        return "over";
      case "chatter":
        this.#write(`${usual()}250 2.0.0 And more\r\n`);
        return "usual";
      case "garbage":
        this.#write(deed.octets);
        return this.#over();
      case "silence":
        return this.#over();
      case "refuse":
      case "unreachable":
      case "black-hole":
        throw new TypeError(`Cannot ${deed.kind} at ${stage}: there is a connection`);
      default:
        return unreachable(deed);
    }
  }

  async #refuse(stage: Stage, code: number, about: About): Promise<Answered> {
    const words = code < 500 ? "Not now" : "Never";
    this.#write(this.#reply({ stage, code, words, about }));
    // RFC 5321 §3.8: 421 goes before a close.
    return code === SERVICE_CLOSING ? "over" : "refused";
  }

  /** Has said all it will say: what still comes is dropped. */
  async #over(): Promise<Answered> {
    await this.#input.ended();
    return "over";
  }

  async #drip(usual: string, delayMs: number): Promise<Answered> {
    for (const octet of usual) {
      await this.#pause(delayMs);
      this.#write(octet);
    }
    return "usual";
  }

  #pause(delayMs: number): Promise<void> {
    if (this.#input.isEnded) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#host.ports.clock.after(delayMs, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }

  #hangUp(deed: Deed): void {
    if (deed.kind === "reply") {
      this.#write(this.#reply({ stage: "idle", code: deed.code, words: "Idle", about: NOBODY }));
    }
    if (deed.kind === "reset") this.#connection.destroy();
    else this.#connection.end();
    this.#hungUp();
  }

  #hungUp(): void {
    this.#input.end();
    this.#endPause();
  }

  /** A reply with its line ends, which is in the log. */
  #reply({ stage, code, words, about }: Answer): string {
    const { settings, ports } = this.#host;
    const tag = ports.log.say({
      atMs: ports.clock.wallMs(),
      host: settings.name,
      session: this.#session,
      sessionBeganMs: this.#beganMs,
      stage,
      code,
      about,
    });
    // The first line of the greeting is a name (RFC 5321 §4.2).
    const lines = `${words} #${tag}#`.split("\n");
    if (settings.isWordy && code !== GO_ON) lines.push("and so on");
    return lines
      .map((line, at) => `${code}${at < lines.length - 1 ? "-" : " "}${line}\r\n`)
      .join("");
  }

  #write(text: string): void {
    if (text !== "") this.#connection.write(Buffer.from(text, "latin1"));
  }
}

function half(reply: string): string {
  return reply.slice(0, Math.max(reply.length >> 1, 1));
}
