/**
 * One conversation of such a server with a client, from the greeting to the end: as RFC 5321
 * has it, but for what its host has in mind.
 *
 * Commands are taken one after the other, so a client may send them in groups.
 */
import type { Connection } from "#base/ports/network.ts";
import { type About, type Copy, NOBODY } from "./far-log.ts";
import type { FarHost } from "./far-host.ts";
import { type Answered, FarLine } from "./far-line.ts";
import type { Stage } from "./trouble.ts";

/** The transaction under way. */
interface Transaction {
  readonly reversePath: string;
  readonly forwardPaths: string[];
}

const HANDSHAKE_MS = 60_000;

export class FarSession {
  readonly #host: FarHost;
  readonly #line: FarLine;
  readonly #client: string;
  #isSecured = false;
  /** There was a transaction. */
  #wasUsed = false;
  #tx: Transaction | undefined;

  constructor(host: FarHost, connection: Connection, number: number) {
    this.#host = host;
    this.#line = new FarLine(host, connection, number);
    this.#client = connection.remote.kind === "tcp" ? connection.remote.host : "";
  }

  /** To its end; never rejects. */
  async run(): Promise<void> {
    let answered = await this.#say("banner", 220, `${this.#host.settings.name} ESMTP`);
    while (answered !== "over") {
      const isIdle = this.#tx === undefined && this.#wasUsed;
      const line = await (isIdle ? this.#line.lineSoon() : this.#line.line());
      if (line === undefined) break;
      answered = await this.#command(line);
    }
    this.#line.end();
  }

  breakOff(): void {
    this.#line.breakOff();
  }

  #command(line: string): Promise<Answered> {
    switch (line.slice(0, 4).toUpperCase()) {
      case "EHLO":
      case "HELO":
        return this.#hello(line.toUpperCase().startsWith("EHLO"));
      case "STAR":
        return this.#startTls();
      case "AUTH":
        return this.#say("auth", 235, "2.7.0 Yes");
      case "MAIL":
        return this.#mail(pathOf(line));
      case "RCPT":
        return this.#rcpt(pathOf(line));
      case "DATA":
        return this.#data();
      case "RSET":
        this.#tx = undefined;
        return this.#say("rset", 250, "2.0.0 Forgotten");
      case "QUIT":
        return this.#quit();
      default:
        return this.#say("quit", 500, "5.5.1 What?");
    }
  }

  #hello(isExtended: boolean): Promise<Answered> {
    const { name, extensions, tls } = this.#host.settings;
    this.#tx = undefined;
    if (!isExtended) return this.#say("ehlo", 250, name);
    const offered = extensions.filter((each) => !each.startsWith("AUTH") || this.#isSecured);
    if (tls !== undefined && !this.#isSecured) offered.push("STARTTLS");
    return this.#say("ehlo", 250, [name, ...offered].join("\n"));
  }

  async #startTls(): Promise<Answered> {
    const { tls } = this.#host.settings;
    if (tls === undefined) return this.#say("starttls", 502, "5.5.1 No");
    const answered = await this.#say("starttls", 220, "2.0.0 Go");
    if (answered !== "usual") return answered;
    const behaved = await this.#line.behave("handshake", NOBODY);
    if (behaved !== "usual") return behaved;
    const secured = await tls.accept(this.#line.connection, HANDSHAKE_MS);
    if (secured.kind !== "secured") return "over";
    this.#line.goOnWith(secured.connection);
    this.#isSecured = true;
    return "usual";
  }

  async #mail(reversePath: string): Promise<Answered> {
    this.#wasUsed = true;
    this.#tx = { reversePath, forwardPaths: [] };
    const answered = await this.#say("mail", 250, "2.1.0 Go on");
    if (answered === "refused") this.#tx = undefined;
    return answered;
  }

  async #rcpt(forwardPath: string): Promise<Answered> {
    const tx = this.#tx;
    if (tx === undefined) return this.#say("rcpt", 503, "5.5.1 No MAIL");
    const { mailboxes } = this.#host.settings;
    const about = { reversePath: tx.reversePath, forwardPaths: [forwardPath] };
    const nowMs = this.#host.ports.clock.wallMs();
    const refusal = mailboxes.refusalOf(this.#client, tx.reversePath, forwardPath, nowMs);
    if (refusal !== undefined) return this.#say("rcpt", refusal.code, refusal.words, about);
    const answered = await this.#say("rcpt", 250, "2.1.5 Welcome", about);
    if (answered === "usual") tx.forwardPaths.push(forwardPath);
    return answered;
  }

  async #data(): Promise<Answered> {
    const tx = this.#tx;
    if (tx === undefined || tx.forwardPaths.length === 0)
      return this.#say("data", 503, "5.5.1 No recipients");
    const answered = await this.#say("data", 354, "Go on");
    if (answered !== "usual") return answered;
    if ((await this.#line.behave("text", this.#about())) !== "usual") return "over";
    const text = await this.#line.text();
    return text === undefined ? "over" : this.#take(tx, text);
  }

  async #take(tx: Transaction, text: string): Promise<Answered> {
    const { clock, log } = this.#host.ports;
    const behaved = await this.#line.behave("dot", this.#about());
    if (behaved !== "usual") {
      this.#tx = undefined;
      return behaved;
    }
    const { reversePath, forwardPaths } = tx;
    const host = this.#host.settings.name;
    const copy: Copy = {
      atMs: clock.wallMs(),
      host,
      reversePath,
      forwardPaths,
      text,
      reply: "under way",
    };
    log.copies.push(copy);
    const answered = await this.#say("taken", 250, "2.0.0 Taken");
    copy.reply = answered === "usual" && !this.#line.isDeserted ? "said" : "lost";
    this.#tx = undefined;
    return answered;
  }

  async #quit(): Promise<Answered> {
    await this.#say("quit", 221, "2.0.0 Bye");
    return "over";
  }

  #say(stage: Stage, code: number, words: string, about: About = this.#about()): Promise<Answered> {
    return this.#line.answer({ stage, code, words, about });
  }

  #about(): About {
    if (this.#tx === undefined) return NOBODY;
    return { reversePath: this.#tx.reversePath, forwardPaths: [] };
  }
}

function pathOf(line: string): string {
  return line.slice(line.indexOf("<") + 1, line.indexOf(">"));
}
