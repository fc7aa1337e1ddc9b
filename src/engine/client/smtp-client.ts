/**
 * Driver of an SMTP or LMTP client session: one connection, any number of messages,
 * one after the other.
 *
 * Promises: `send` and `quit` never reject for what a server does. The final dot
 * leaves only when the whole text did: a text that cannot be read, or is shorter or
 * longer than announced, breaks the connection instead. At most BLOCK_BYTES of text
 * wait in our buffers beyond what the text's source keeps.
 *
 * Source: RFC 5321 §4.5.3.2 (time-outs); the order of commands is judged in
 * protocols/smtp/client-session.ts.
 */
import type { Endpoint } from "#base/endpoint.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Clock } from "#base/ports/clock.ts";
import { FilesError } from "#base/ports/files.ts";
import type { Connection, Network, NetworkFault } from "#base/ports/network.ts";
import type { ClientCredentials } from "#protocols/sasl/client-exchange.ts";
import { step } from "#protocols/smtp/client-session.ts";
import { type Extensions, NO_EXTENSIONS } from "#protocols/smtp/client-session-extensions.ts";
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import {
  type ClientAction,
  type ClientEvent,
  type ClientSession,
  type ClientTls,
  type Dialect,
} from "#protocols/smtp/client-session-state.ts";
import {
  type ClientFault,
  protocolFault,
  type Stage,
  type Verdict,
} from "#protocols/smtp/client-session-verdict.ts";
import { ChunkEncoder } from "#protocols/smtp/chunk-encoder.ts";
import { DataEncoder } from "#protocols/smtp/data-encoder.ts";
import { ReplyParser } from "#protocols/smtp/reply-parser.ts";
import type { MessageText } from "#model/delivery.ts";
import { type ClientSecurity, secureClient, type ToldOfTls } from "./client-security.ts";
import { CLIENT_TIMEOUTS, type ClientTimeouts, timeoutMs } from "./client-timeouts.ts";
import { Deadline } from "#base/time/deadline.ts";

export interface ClientPorts {
  readonly network: Network;
  readonly clock: Clock;
}

/** The name in EHLO, HELO or LHLO, or what finds it for our end of the connection; undefined: it cannot. */
export type HeloName = string | ((local: Endpoint) => Promise<string | undefined>);

export interface ClientSettings {
  readonly dialect: Dialect;
  readonly helo: HeloName;
  /** Left out: any address of this machine. */
  readonly sourceAddress?: string | undefined;
  /** Left out: as long as `timeouts` says. */
  readonly connectMs?: number | undefined;
  /** Left out: TLS is not used. */
  readonly security?: ClientSecurity | undefined;
  /** Left out: nobody authenticates. */
  readonly credentials?: ClientCredentials | undefined;
  /** A server that greets by this name is taken for ourselves, and the session ends. */
  readonly ownName?: string | undefined;
  readonly timeouts?: ClientTimeouts;
  /** Called with each line that is sent (">>> ") or received ("<<< "), but not with message text. */
  readonly trace?: (line: string) => void;
  readonly secured?: ToldOfTls;
  /** Called once, when the connection is gone. */
  readonly closed?: (fault: ClientFault | undefined) => void;
}

export type OpenResult =
  | { readonly kind: "open"; readonly client: SmtpClient }
  /** Refused by the server, or not reached; the verdict holds for any mail. */
  | { readonly kind: "failed"; readonly verdict: Verdict };

export type SendOutcome =
  /** What became of each recipient, in the order of the mail's forward-paths. */
  | {
      readonly kind: "verdicts";
      readonly verdicts: readonly Verdict[];
      /** The server offers DSN: it was told what the sender wants to know, and reports itself. */
      readonly reports: boolean;
    }
  /** The server took nothing of it: it may be sent over another connection. */
  | { readonly kind: "not-started"; readonly verdict: Verdict };

/** Text is written in blocks of this size, each of which has its own deadline. */
const BLOCK_BYTES: number = 64 * 1024;

/** Connects, and waits until the server is ready for a message. */
export async function openClient(
  ports: ClientPorts,
  endpoint: Endpoint,
  settings: ClientSettings,
): Promise<OpenResult> {
  const timeouts = settings.timeouts ?? CLIENT_TIMEOUTS;
  const failed = (stage: Stage, fault: ClientFault): OpenResult => {
    settings.closed?.(fault);
    return { kind: "failed", verdict: { kind: "undecided", stage, fault } };
  };
  const { security, sourceAddress, secured: told } = settings;
  const made = await ports.network.connect(endpoint, {
    timeoutMs: settings.connectMs ?? timeouts.connectMs,
    ...(sourceAddress !== undefined && { sourceAddress }),
  });
  if ("kind" in made) return failed("CONNECT", { kind: "network", message: wordsOf(made) });
  const helo = typeof settings.helo === "string" ? settings.helo : await settings.helo(made.local);
  if (helo === undefined) {
    made.destroy();
    return failed("CONNECT", { kind: "busy", message: "Failed to retrieve helo string" });
  }
  let connection = made;
  let tls: ClientTls = tlsWanted(security);
  if (security?.start === "at-once") {
    const secured = await secureClient(made, security, timeouts.handshakeMs, told);
    if (secured.kind === "failed") return failed("TLS", secured.fault);
    connection = secured.connection;
    tls = secured.isProven ? "proven" : "encrypted";
  }
  const { dialect, ownName, credentials } = settings;
  const session: ClientSession = { phase: "greeting", dialect, helo, tls, credentials, ownName };
  return new Promise((opened) => {
    const client = new SmtpClient({ connection, session, opened }, ports.clock, settings);
    client.start();
  });
}

function tlsWanted(security: ClientSecurity | undefined): ClientTls {
  if (security === undefined) return "never";
  return security.isRequired ? "required" : "if-offered";
}

/** What `openClient` made ready. */
interface Beginning {
  readonly connection: Connection;
  readonly session: ClientSession;
  /** Called once. */
  readonly opened: (result: OpenResult) => void;
}

export class SmtpClient {
  #connection: Connection;
  readonly #settings: ClientSettings;
  readonly #timeouts: ClientTimeouts;
  readonly #parser = new ReplyParser();
  readonly #deadline: Deadline;
  readonly #events: ClientEvent[] = [];
  #session: ClientSession;
  #isStepping = false;
  readonly #opened: (result: OpenResult) => void;
  #sending:
    | { readonly text: MessageText; readonly done: (outcome: SendOutcome) => void }
    | undefined;
  #unblock: (() => void) | undefined;
  #lastFault: ClientFault | undefined;
  readonly #quitters: (() => void)[] = [];
  #isGone = false;
  #sentMessages = 0;
  #extensions: Extensions = NO_EXTENSIONS;

  /** For `openClient`. */
  constructor({ connection, session, opened }: Beginning, clock: Clock, settings: ClientSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#timeouts = settings.timeouts ?? CLIENT_TIMEOUTS;
    this.#opened = opened;
    this.#session = session;
    this.#deadline = new Deadline(clock, () => this.#timedOut());
  }

  /** Takes the connection over: called once by `openClient`, and after a handshake. */
  start(): void {
    this.#moveDeadline();
    this.#connection.start({
      data: (bytes) => this.#received(bytes),
      end: () => this.#breakOff({ kind: "closed", message: "Server closed the connection" }),
      drain: () => {
        if (this.#session.phase === "text") this.#moveDeadline();
        this.#unblock?.();
      },
      closed: (fault) => this.#closed(fault),
    });
  }

  /** True while a message can be sent. */
  get isReady(): boolean {
    return this.#session.phase === "ready";
  }

  /** Messages handed to `send` so far. */
  get sentMessages(): number {
    return this.#sentMessages;
  }

  get extensions(): Extensions {
    return this.#extensions;
  }

  /**
   * Sends one message. The next one may follow when the promise resolves and `isReady`.
   *
   * @throws {TypeError} if a message is being sent.
   */
  send(mail: ClientMail, text: MessageText): Promise<SendOutcome> {
    if (this.#sending !== undefined) throw new TypeError("Cannot send: a message is being sent");
    if (!this.isReady) {
      const fault = this.#lastFault ?? { kind: "closed", message: "Connection is closed" };
      const verdict: Verdict = { kind: "undecided", stage: "CONNECT", fault };
      return Promise.resolve({ kind: "not-started", verdict });
    }
    this.#sentMessages++;
    return new Promise((done) => {
      this.#sending = { text, done };
      this.#take({ type: "mail", mail });
    });
  }

  /** Says QUIT if the session is ready for it, and resolves when the connection is gone. */
  quit(): Promise<void> {
    if (this.#isGone) return Promise.resolve();
    return new Promise((gone) => {
      this.#quitters.push(gone);
      if (this.isReady) this.#take({ type: "quit" });
      else if (this.#session.phase !== "quit") this.close();
    });
  }

  /** Drops the connection; what is being sent is undecided. */
  close(): void {
    this.#breakOff({ kind: "closed", message: "We closed the connection" });
    this.#connection.destroy();
  }

  #received(bytes: Uint8Array): void {
    if (this.#session.phase === "closed") return;
    const { replies, fault } = this.#parser.push(bytes);
    if (replies.length === 0 && fault === undefined) return;
    for (const reply of replies) {
      for (const line of reply.lines) this.#settings.trace?.(`<<< ${reply.code} ${line}`);
    }
    this.#take({
      type: "replies",
      replies,
      fault: fault && { kind: "protocol", message: `Bad response: ${fault.reason}` },
    });
  }

  #closed(fault: NetworkFault | undefined): void {
    this.#breakOff(
      fault === undefined
        ? { kind: "closed", message: "Connection closed" }
        : { kind: "network", message: wordsOf(fault) },
    );
    this.#gone();
  }

  #gone(): void {
    this.#isGone = true;
    this.#deadline.stop();
    this.#settings.closed?.(this.#lastFault);
    for (const gone of this.#quitters.splice(0)) gone();
  }

  #timedOut(): void {
    this.#breakOff({ kind: "timeout", message: "Timed out" });
  }

  #breakOff(fault: ClientFault): void {
    if (this.#session.phase === "closed") return;
    if (this.#session.phase !== "quit") this.#lastFault = fault;
    this.#take({ type: "broken", fault });
  }

  /** Steps the machine; an event that comes from inside its own actions waits its turn. */
  #take(event: ClientEvent): void {
    this.#events.push(event);
    if (this.#isStepping) return;
    this.#isStepping = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      const [session, ...actions] = step(this.#session, next);
      this.#session = session;
      this.#moveDeadline();
      for (const action of actions) this.#carryOut(action);
    }
    this.#isStepping = false;
  }

  #moveDeadline(): void {
    const delayMs = timeoutMs(this.#session, this.#timeouts);
    if (delayMs === undefined) this.#deadline.clear();
    else this.#deadline.set(delayMs);
  }

  #carryOut(action: ClientAction): void {
    switch (action.type) {
      case "send":
        this.#traceCommands(action.commands);
        this.#connection.write(Buffer.from(action.commands, "utf8"));
        return;
      case "send-secret":
        this.#settings.trace?.(`>>> ${action.shown}`);
        this.#connection.write(Buffer.from(action.line, "utf8"));
        return;
      case "secure":
        void this.#secure();
        return;
      case "send-text":
        void this.#sendText(action.by);
        return;
      case "ready":
        this.#extensions = action.extensions;
        this.#opened({ kind: "open", client: this });
        return;
      case "refused": {
        const { stage, reply } = action;
        this.#opened({ kind: "failed", verdict: { kind: "refused", stage, reply } });
        return;
      }
      case "unreachable": {
        const { stage, fault } = action;
        this.#lastFault = fault;
        this.#opened({ kind: "failed", verdict: { kind: "undecided", stage, fault } });
        return;
      }
      case "verdicts":
        this.#finishMail({
          kind: "verdicts",
          verdicts: action.verdicts,
          reports: this.#extensions.dsn,
        });
        return;
      case "not-started":
        this.#finishMail({ kind: "not-started", verdict: action.verdict });
        return;
      case "close":
        this.#deadline.stop();
        this.#unblock?.();
        this.#connection.destroy();
        return;
      default:
        unreachable(action);
    }
  }

  /** Owns its promise: whatever happens becomes an event. */
  async #secure(): Promise<void> {
    const { security, secured: told } = this.#settings;
    if (security === undefined) throw new TypeError("Cannot secure a session: nothing says how");
    // RFC 3207 §4.2, CVE-2021-38371: it could be taken for what comes under TLS.
    if (this.#parser.inReply) {
      this.#breakOff(protocolFault("Server sent more than its reply to STARTTLS"));
      return;
    }
    const { handshakeMs } = this.#timeouts;
    const result = await secureClient(this.#connection, security, handshakeMs, told);
    if (result.kind === "failed") {
      this.#breakOff(result.fault);
      // The connection is nobody's any more, and tells nothing.
      this.#gone();
      return;
    }
    this.#connection = result.connection;
    this.start();
    if (this.#session.phase === "closed") this.#connection.destroy();
    else this.#take({ type: "secured", isProven: result.isProven });
  }

  #finishMail(outcome: SendOutcome): void {
    const sending = this.#sending;
    this.#sending = undefined;
    sending?.done(outcome);
  }

  /** Owns its promise: whatever happens becomes an event. */
  async #sendText(by: "DATA" | "BDAT"): Promise<void> {
    const text = this.#sending?.text;
    if (text === undefined) throw new TypeError("Cannot send text: no message is being sent");
    try {
      const last = await this.#writeText(text, by);
      // Ahead of the bytes: their answer can come while they are written.
      this.#take({ type: "text-sent" });
      if (this.#session.phase === "end") this.#connection.write(last);
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      this.#breakOff({ kind: "text", message: "Message text cannot be read" });
    }
  }

  /** Writes the text and returns its last bytes, with the end-of-data mark, for the caller to write. */
  async #writeText(text: MessageText, by: "DATA" | "BDAT"): Promise<Uint8Array> {
    const encoder = by === "DATA" ? new DataEncoder() : new ChunkEncoder();
    let readBytes = 0;
    let held: Uint8Array = by === "DATA" ? new Uint8Array(0) : this.#chunkLine(text.bytes);
    for await (const chunk of text.chunks()) {
      if (this.#session.phase !== "text") return held;
      readBytes += chunk.length;
      // What is beyond the length of a chunk would be read as commands.
      if (readBytes > text.bytes) break;
      if (held.length > 0) await this.#writeBlocks(held);
      held = encoder.push(chunk);
    }
    if (readBytes !== text.bytes) {
      throw new FilesError("EIO", `Text has ${readBytes} bytes, not ${text.bytes}`);
    }
    const cut = Math.max(held.length - BLOCK_BYTES, 0);
    if (cut > 0) await this.#writeBlocks(held.subarray(0, cut));
    return Buffer.concat([held.subarray(cut), encoder.end()]);
  }

  #chunkLine(bytes: number): Uint8Array {
    const line = `BDAT ${bytes} LAST\r\n`;
    this.#traceCommands(line);
    return Buffer.from(line, "latin1");
  }

  async #writeBlocks(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && this.#isSendingText(); at += BLOCK_BYTES) {
      this.#moveDeadline();
      if (this.#connection.write(bytes.subarray(at, at + BLOCK_BYTES))) continue;
      if (this.#connection.unsentBytes === 0 || !this.#isSendingText()) continue;
      await new Promise<void>((resolve) => {
        this.#unblock = resolve;
      });
      this.#unblock = undefined;
    }
  }

  /** Asked anew after each write, which may have closed the session. */
  #isSendingText(): boolean {
    return this.#session.phase === "text";
  }

  #traceCommands(commands: string): void {
    if (this.#settings.trace === undefined) return;
    for (const line of commands.split("\r\n").slice(0, -1)) this.#settings.trace(`>>> ${line}`);
  }
}

/** A fault in the words of the system. */
export function wordsOf(fault: NetworkFault): string {
  return FAULT_WORDS[fault.code] ?? `Network error: ${fault.code}`;
}

const FAULT_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EPIPE: "Connection reset by peer",
  ETIMEDOUT: "Connection timed out",
  EHOSTUNREACH: "No route to host",
  ENETUNREACH: "Network is unreachable",
  ENOENT: "No such socket",
  EACCES: "Permission denied",
};
