/**
 * Driver of an SMTP or LMTP client session: one connection, any number of messages,
 * one after the other.
 *
 * Promises: `send` and `quit` never reject for what a server does. The final dot
 * leaves only when the whole text did: a text that cannot be read, or is shorter or
 * longer than announced, breaks the connection instead (text-writer.ts).
 *
 * Source: RFC 5321 §4.5.3.2 (time-outs); the order of commands is judged in
 * protocols/smtp/client-session.ts.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Clock } from "#base/ports/clock.ts";
import { FilesError } from "#base/ports/files.ts";
import type { Connection, NetworkFault } from "#base/ports/network.ts";
import { step } from "#protocols/smtp/client-session.ts";
import { type Extensions, NO_EXTENSIONS } from "#protocols/smtp/client-session-extensions.ts";
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import {
  type ClientAction,
  type ClientEvent,
  type ClientSession,
  mayChunk,
} from "#protocols/smtp/client-session-state.ts";
import {
  type ClientFault,
  protocolFault,
  type Verdict,
} from "#protocols/smtp/client-session-verdict.ts";
import { ReplyParser } from "#protocols/smtp/reply-parser.ts";
import type { AttemptStage } from "#model/attempt-progress.ts";
import type { MessageText } from "#model/delivery.ts";
import { secureClient } from "./client-security.ts";
import type { ClientSettings, SendOutcome } from "./client-settings.ts";
import { CLIENT_TIMEOUTS, type ClientTimeouts, timeoutMs } from "./client-timeouts.ts";
import { wordsOf } from "./fault-words.ts";
import { Deadline } from "#base/time/deadline.ts";
import { type TextOutlet, TextWriter } from "./text-writer.ts";

export type OpenResult =
  | { readonly kind: "open"; readonly client: SmtpClient }
  /** Refused by the server, or not reached; the verdict holds for any mail. */
  | { readonly kind: "failed"; readonly verdict: Verdict };

/** How far its attempt is, by the phase of the session. */
const STAGES_OF: Readonly<Record<ClientSession["phase"], AttemptStage>> = {
  greeting: "greeting",
  hello: "greeting",
  starttls: "greeting",
  securing: "tls",
  auth: "greeting",
  ready: "sending",
  mail: "sending",
  rcpt: "sending",
  data: "sending",
  text: "sending",
  end: "reply",
  "lone-dot": "reply",
  reset: "sending",
  quit: "begun",
  closed: "begun",
};

/** What `openClient` made ready. */
export interface Beginning {
  readonly connection: Connection;
  readonly session: ClientSession;
  /** Called once. */
  readonly opened: (result: OpenResult) => void;
}

export class SmtpClient {
  #connection: Connection;
  readonly #clock: Clock;
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
  readonly #writer: TextWriter;
  #lastFault: ClientFault | undefined;
  readonly #quitters: (() => void)[] = [];
  #isGone = false;
  #sentMessages = 0;
  #takenMessages = 0;
  #refusedInRow = 0;
  #extensions: Extensions = NO_EXTENSIONS;

  /** For `openClient`. */
  constructor({ connection, session, opened }: Beginning, clock: Clock, settings: ClientSettings) {
    this.#connection = connection;
    this.#clock = clock;
    this.#settings = settings;
    this.#timeouts = settings.timeouts ?? CLIENT_TIMEOUTS;
    this.#opened = opened;
    this.#session = session;
    this.#deadline = new Deadline(clock, () => this.#timedOut());
    this.#writer = new TextWriter(this.#outlet());
  }

  /** Takes the connection over: called once by `openClient`, and after a handshake. */
  start(): void {
    this.#moveDeadline();
    this.#connection.start({
      data: (bytes) => this.#received(bytes),
      end: () => this.#breakOff({ kind: "closed", message: "Server closed the connection" }),
      drain: () => {
        if (this.#session.phase === "text") this.#moveDeadline();
        this.#writer.happened();
      },
      closed: (fault) => this.#closed(fault),
    });
  }

  /** How far it is, with the message that it has or with itself. */
  get stage(): AttemptStage {
    return STAGES_OF[this.#session.phase];
  }

  /** True while a message can be sent. */
  get isReady(): boolean {
    return this.#session.phase === "ready";
  }

  /** Messages handed to `send` so far. */
  get sentMessages(): number {
    return this.#sentMessages;
  }

  /** Those of them that the server took, for one recipient at least. */
  get takenMessages(): number {
    return this.#takenMessages;
  }

  /** Recipients refused one after the other, up to the last. */
  get refusedInRow(): number {
    return this.#refusedInRow;
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
      const patience = { max: this.#settings.maxRefusals ?? Infinity, used: this.#refusedInRow };
      this.#take({ type: "mail", mail, nowMs: this.#clock.wallMs(), patience });
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
    this.#writer.happened();
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
        void this.#sendText(action);
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
        this.#count(action.verdicts);
        this.#finishMail({
          kind: "verdicts",
          verdicts: action.verdicts,
          reports: this.#extensions.dsn,
          keepsTime: this.#extensions.deliverByMinSeconds !== undefined,
        });
        return;
      case "not-started":
        this.#finishMail({ kind: "not-started", verdict: action.verdict });
        return;
      case "close":
        this.#deadline.stop();
        this.#writer.happened();
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

  #count(verdicts: readonly Verdict[]): void {
    if (verdicts.some(({ kind }) => kind === "accepted")) this.#takenMessages++;
    for (const verdict of verdicts) {
      if (verdict.kind !== "accepted" && verdict.kind !== "refused") continue;
      if (verdict.kind === "refused" && verdict.stage === "RCPT") this.#refusedInRow++;
      // Who was refused by MAIL was not asked for.
      else if (verdict.stage !== "MAIL") this.#refusedInRow = 0;
    }
  }

  #finishMail(outcome: SendOutcome): void {
    const sending = this.#sending;
    this.#sending = undefined;
    sending?.done(outcome);
  }

  /** Owns its promise: whatever happens becomes an event. */
  async #sendText(how: ClientAction & { readonly type: "send-text" }): Promise<void> {
    const text = this.#sending?.text;
    if (text === undefined) throw new TypeError("Cannot send text: no message is being sent");
    try {
      const last = await (how.by === "DATA"
        ? this.#writer.writeData(text)
        : this.#writer.writeChunks(text, how.body));
      // Ahead of the bytes: their answer can come while they are written.
      this.#take({ type: "text-sent" });
      if (this.#session.phase === "end") this.#connection.write(last);
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      this.#breakOff({ kind: "text", message: "Message text cannot be read" });
    }
  }

  #outlet(): TextOutlet {
    return {
      isOpen: () => this.#session.phase === "text",
      mayChunk: () => this.#session.phase === "text" && mayChunk(this.#session.tx),
      chunkLeaves: () => this.#take({ type: "chunk-sent" }),
      blockLeaves: () => this.#moveDeadline(),
      write: (bytes) => this.#connection.write(bytes),
      unsentBytes: () => this.#connection.unsentBytes,
      trace: (command) => this.#settings.trace?.(`>>> ${command}`),
    };
  }

  #traceCommands(commands: string): void {
    if (this.#settings.trace === undefined) return;
    for (const line of commands.split("\r\n").slice(0, -1)) this.#settings.trace(`>>> ${line}`);
  }
}
