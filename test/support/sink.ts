/**
 * A scripted SMTP or LMTP server over any Network port. It takes every message,
 * unless `reply` says something else, and remembers what it was told.
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { TlsServer } from "#base/ports/tls.ts";
import type { Connection, Listening, Network } from "#base/ports/network.ts";

export interface SinkMessage {
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  /** As it was before dot-stuffing, latin1. */
  readonly text: string;
}

export interface SinkSettings {
  readonly dialect?: "smtp" | "lmtp";
  /** It speaks TLS, after STARTTLS (which `extensions` then offer) or from the first byte on. */
  readonly tls?: { readonly server: TlsServer; readonly start: "starttls" | "at-once" };
  /** Lines of the reply to EHLO or LHLO after the first. */
  readonly extensions?: readonly string[];
  /**
   * The reply to a command line, without its last CRLF; "BANNER" stands for the
   * connection, "CHUNK" for the end of a chunk, "TEXT RECIPIENT" for the end of the text. Undefined: the usual one. "drop" breaks the connection without a word, "silent" never answers again.
   */
  readonly reply?: (line: string, session: number) => string | undefined;
}

interface Session {
  readonly number: number;
  connection: Connection;
  isSecured: boolean;
  buffer: string;
  mode: "commands" | "text" | "chunk" | "deaf";
  /** The length of the chunk that is coming. */
  chunkBytes: number;
  isLastChunk: boolean;
  /** What earlier ones brought. */
  chunks: string;
  hasMail: boolean;
  reversePath: string;
  forwardPaths: string[];
}

export class Sink {
  readonly messages: SinkMessage[] = [];
  /** Every line that was received outside of texts. */
  readonly lines: string[] = [];
  sessions = 0;
  readonly #settings: SinkSettings;
  readonly #open = new Set<Connection>();

  constructor(settings: SinkSettings = {}) {
    this.#settings = settings;
  }

  async listen(network: Network, endpoint: Endpoint): Promise<Listening> {
    const listening = await network.listen(endpoint, (connection) => this.#accept(connection));
    if ("kind" in listening) throw new Error(listening.message);
    return listening;
  }

  /** Breaks every open connection. */
  dropAll(): void {
    for (const connection of this.#open) connection.destroy();
  }

  get openConnections(): number {
    return this.#open.size;
  }

  #accept(connection: Connection): void {
    const session: Session = {
      number: ++this.sessions,
      connection,
      isSecured: false,
      buffer: "",
      mode: "commands",
      chunkBytes: 0,
      isLastChunk: true,
      chunks: "",
      hasMail: false,
      reversePath: "",
      forwardPaths: [],
    };
    if (this.#settings.tls?.start === "at-once") void this.#secure(session, true);
    else this.#start(session, true);
  }

  async #secure(session: Session, greets: boolean): Promise<void> {
    const secured = await this.#settings.tls?.server.accept(session.connection, 60_000);
    if (secured?.kind !== "secured") return;
    session.connection = secured.connection;
    session.isSecured = true;
    this.lines.push(`TLS ${secured.facts.serverName ?? ""}`);
    this.#start(session, greets);
  }

  #start(session: Session, greets: boolean): void {
    const { connection } = session;
    this.#open.add(connection);
    connection.start({
      data: (bytes) => {
        session.buffer += Buffer.from(bytes).toString("latin1");
        this.#read(session);
      },
      end: () => connection.end(),
      drain: () => undefined,
      closed: () => this.#open.delete(connection),
    });
    if (greets)
      this.#answer(session, this.#scripted("BANNER", session) ?? "220 sink.example ESMTP");
  }

  #read(session: Session): void {
    while (session.mode !== "deaf") {
      if (session.mode === "chunk") {
        if (session.buffer.length < session.chunkBytes) return;
        session.chunks += session.buffer.slice(0, session.chunkBytes);
        session.buffer = session.buffer.slice(session.chunkBytes);
        this.#endChunk(session);
        continue;
      }
      const mark = session.mode === "text" ? "\r\n.\r\n" : "\r\n";
      // A text that begins with the mark's dot is an empty one.
      if (session.mode === "text" && session.buffer.startsWith(".\r\n")) {
        session.buffer = `\r\n${session.buffer}`;
      }
      const at = session.buffer.indexOf(mark);
      if (at < 0) return;
      const unit = session.buffer.slice(0, at + 2);
      session.buffer = session.buffer.slice(at + mark.length);
      if (session.mode === "text") this.#endText(session, unit);
      else this.#command(session, unit.slice(0, -2));
    }
  }

  #command(session: Session, line: string): void {
    this.lines.push(line);
    const verb = line.slice(0, 4).toUpperCase();
    const answer = this.#scripted(line, session) ?? this.#usual(verb, session);
    if (verb === "MAIL") {
      session.reversePath = pathOf(line);
      session.forwardPaths = [];
      session.hasMail = answer.startsWith("2");
    }
    if (verb === "RCPT" && answer.startsWith("2")) session.forwardPaths.push(pathOf(line));
    if (verb === "DATA" && answer.startsWith("3")) session.mode = "text";
    const [, chunkBytes, last] = /^BDAT (\d+)( LAST)?$/u.exec(line) ?? [];
    if (chunkBytes !== undefined) {
      session.chunkBytes = Number(chunkBytes);
      session.isLastChunk = last !== undefined;
      session.mode = "chunk";
      return;
    }
    this.#answer(session, answer);
    if (line === "STARTTLS" && answer.startsWith("2")) void this.#secure(session, false);
    if (verb === "QUIT" && answer.startsWith("2")) session.connection.end();
  }

  #usual(verb: string, session: Session): string {
    const isLmtp = this.#settings.dialect === "lmtp";
    switch (verb) {
      case isLmtp ? "LHLO" : "EHLO": {
        const offered = (this.#settings.extensions ?? []).filter(
          (each) => each !== "STARTTLS" || !session.isSecured,
        );
        const lines = ["sink.example", ...offered];
        return lines
          .map((line, at) => `250${at < lines.length - 1 ? "-" : " "}${line}`)
          .join("\r\n");
      }
      case "HELO":
      case "MAIL":
      case "RSET":
        return "250 2.0.0 Ok";
      case "RCPT":
        return session.hasMail ? "250 2.1.5 Ok" : "503 5.5.1 No MAIL";
      case "STAR":
        return this.#settings.tls === undefined ? "502 5.5.1 No" : "220 2.0.0 Go";
      case "AUTH":
        return "235 2.7.0 Yes";
      case "DATA":
        return session.forwardPaths.length > 0 ? "354 Go on" : "503 5.5.1 No recipients";
      case "QUIT":
        return "221 2.0.0 Bye";
      default:
        return "500 5.5.1 What?";
    }
  }

  /** "CHUNK" stands for the end of one that is not the last. */
  #endChunk(session: Session): void {
    const { chunks, isLastChunk } = session;
    if (isLastChunk) {
      session.chunks = "";
      this.#endText(session, chunks, chunks);
      return;
    }
    session.mode = "commands";
    this.#answer(session, this.#scripted("CHUNK", session) ?? "250 2.0.0 Go on");
  }

  #endText(
    session: Session,
    text: string,
    unstuffed: string = text.replaceAll(/^\./gm, "").replace(/^\r\n$/, ""),
  ): void {
    session.mode = "commands";
    const { reversePath, forwardPaths } = session;
    const replies = this.#settings.dialect === "lmtp" ? forwardPaths : ["*"];
    const taken: string[] = [];
    for (const forwardPath of replies) {
      const answer = this.#scripted(`TEXT ${forwardPath}`, session) ?? "250 2.0.0 Taken";
      if (answer.startsWith("2")) taken.push(forwardPath);
      this.#answer(session, answer);
    }
    if (taken.length > 0) {
      const to = this.#settings.dialect === "lmtp" ? taken : forwardPaths;
      this.messages.push({ reversePath, forwardPaths: [...to], text: unstuffed });
    }
    session.forwardPaths = [];
  }

  #scripted(line: string, session: Session): string | undefined {
    return this.#settings.reply?.(line, session.number);
  }

  #answer(session: Session, answer: string): void {
    if (session.mode === "deaf") return;
    if (answer === "drop") session.connection.destroy();
    if (answer === "drop" || answer === "silent") session.mode = "deaf";
    else session.connection.write(Buffer.from(`${answer}\r\n`, "latin1"));
  }
}

function pathOf(line: string): string {
  return line.slice(line.indexOf("<") + 1, line.indexOf(">"));
}
