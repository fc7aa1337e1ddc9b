/**
 * Drives one SMTP session: bytes of a connection in, replies out, and between
 * them the questions that the machine in protocols/smtp puts to ruleset and queue.
 *
 * Replies to all commands of one chunk leave in one write. While an answer is
 * awaited nothing more is read: what arrives is held and taken up afterwards, so
 * replies keep the order of the commands. No promise is made where an answer is
 * there at once. Once `reason` is set the session takes nothing and says nothing.
 *
 * Source: RFC 5321 §4.5.3.2 (time-outs), §3.8 (421); RFC 2920 §3.2 (pipelining).
 */
import type { Connection, ConnectionHandler, NetworkFault } from "#base/ports/network.ts";
import { unreachable } from "#base/unreachable.ts";
import { type Command, type Hello, parseCommand } from "#protocols/smtp/command.ts";
import { CommandReader } from "#protocols/smtp/command-reader.ts";
import { type Reply, replyLine } from "#protocols/smtp/reply.ts";
import {
  CONNECTED,
  type Event,
  type Session,
  step,
  type Transition,
} from "#protocols/smtp/server-session.ts";
import { greetingReply, type ServiceRules, serviceReply } from "#protocols/smtp/service.ts";
import { BAD_CHARACTER, BARE_NEWLINE, LINE_TOO_LONG } from "#protocols/smtp/status.ts";
import type { Origin } from "#model/envelope.ts";
import { ClientIdentity } from "./client-identity.ts";
import { Consultation, type Refusal } from "./consultation.ts";
import { Deadline } from "#base/time/deadline.ts";
import { HeldInput } from "./held-input.ts";
import { IncomingMessage } from "./incoming-message.ts";
import {
  COMMAND_TIMEOUT_MS,
  DATA_BLOCK_TIMEOUT_MS,
  DATA_GRACE_MS,
  LINGER_MS,
  MAX_LINGER_BYTES,
  MIN_DATA_BYTES_PER_SECOND,
} from "./limits.ts";
import { ReplyBatch } from "./reply-batch.ts";
import { type Service, serviceRules } from "./service.ts";
import { receiptReply } from "./verdicts.ts";

/** A session under way, as the server sees it. */
export interface LiveSession {
  /** Ends the session with 421: now, or after the message that is on its way. */
  shutDown(): void;
  /** Breaks the connection off. */
  kill(): void;
}

/** Why reading stops: "answer" is ours to give, "peer" means that our replies are not being read. */
type Wait = "nothing" | "answer" | "peer";

/** Serves `connection` to its end; `ended` is called once, when it is closed. */
export function serveSession(
  connection: Connection,
  service: Service,
  ended: (session: LiveSession) => void,
): LiveSession {
  const session = new SmtpSession(connection, service, ended);
  session.greet();
  return session;
}

class SmtpSession implements ConnectionHandler, LiveSession {
  readonly #connection: Connection;
  readonly #service: Service;
  readonly #ended: (session: LiveSession) => void;
  readonly #rules: ServiceRules;
  readonly #client: ClientIdentity;
  readonly #held: HeldInput;
  readonly #consultation: Consultation;
  readonly #reader = new CommandReader();
  readonly #replies: ReplyBatch;
  readonly #deadline: Deadline;
  #session: Session = CONNECTED;
  #message: IncomingMessage | undefined;
  #dataStartedMs = 0;
  /** Received since the end. */
  #lingerBytes = 0;
  /** What the client said last, for the log. */
  #line = "";
  #wait: Wait = "nothing";
  #peerHalf: "open" | "ended" = "open";
  #isShuttingDown = false;
  /** Why the session ends, once it does. */
  #reason: string | undefined;

  constructor(connection: Connection, service: Service, ended: (session: LiveSession) => void) {
    this.#connection = connection;
    this.#service = service;
    this.#ended = ended;
    this.#rules = serviceRules(connection, service);
    this.#client = new ClientIdentity(connection.remote, service);
    this.#held = new HeldInput(connection);
    const via = connection.remote.kind === "unix" ? "socket" : "tcp";
    this.#consultation = new Consultation(service, via);
    this.#replies = new ReplyBatch(connection);
    this.#deadline = new Deadline(service.clock, () => this.#timeOut());
    this.#deadline.set(COMMAND_TIMEOUT_MS);
  }

  greet(): void {
    this.#connection.start(this);
    this.#replies.add(greetingReply(this.#rules));
    this.#flush();
  }

  // What the connection and the server tell.

  data(bytes: Uint8Array): void {
    if (this.#reason !== undefined) {
      // Who sends on and on does not wait for our last reply.
      this.#lingerBytes += bytes.length;
      if (this.#lingerBytes > MAX_LINGER_BYTES) this.#connection.destroy();
      return;
    }
    const input = asBuffer(bytes);
    if (this.#wait === "nothing") this.#take(input);
    else this.#held.add(input);
    this.#flush();
  }

  end(): void {
    this.#peerHalf = "ended";
    if (this.#wait === "nothing") this.#close("disconnect");
  }

  drain(): void {
    if (this.#wait === "peer") this.#goOn(undefined);
  }

  closed(fault: NetworkFault | undefined): void {
    this.#deadline.stop();
    this.#reason ??= fault === undefined ? "disconnect" : `io-error: ${fault.code}`;
    this.#dropMessage();
    this.#client.announce();
    this.#service.observe({
      kind: "smtp-disconnected",
      session: this.#client.id,
      reason: this.#reason,
    });
    this.#ended(this);
  }

  shutDown(): void {
    this.#isShuttingDown = true;
    this.#leaveIfIdle();
  }

  kill(): void {
    this.#reason ??= "shutdown";
    this.#connection.destroy();
  }

  // Input.

  /** Takes `input` as far as nothing needs to be awaited; what is left is held. */
  #take(input: Buffer): void {
    let at = 0;
    while (at < input.length && this.#reason === undefined) {
      if (this.#wait !== "nothing") {
        this.#held.putBack(input.subarray(at));
        return;
      }
      const message = this.#message;
      at = message === undefined ? this.#takeLine(input, at) : this.#takeText(message, input, at);
    }
  }

  /** Reads the next command; returns the offset after it. */
  #takeLine(input: Buffer, from: number): number {
    const line = this.#reader.read(input, from);
    if (line === undefined) return input.length;
    this.#deadline.set(COMMAND_TIMEOUT_MS);
    if (typeof line === "string") {
      this.#line = line;
      const command = parseCommand(line, this.#rules.serverName);
      const isFault = "code" in command;
      this.#advance(isFault ? { type: "fault", reply: command } : { type: "command", command });
    } else if (line.why === "bare-newline") {
      this.#line = "(bare CR or LF)";
      this.#advance({ type: "fault", reply: BARE_NEWLINE });
    } else {
      this.#refuseInput(line.why === "too-long" ? LINE_TOO_LONG : BAD_CHARACTER);
    }
    return this.#reader.end;
  }

  /** Ends a session whose input is no SMTP. */
  #refuseInput(reply: Reply): void {
    this.#client.announce();
    const session = this.#client.id;
    this.#service.observe({ kind: "smtp-bad-input", session, reply: replyLine(reply) });
    this.#replies.add(reply);
    this.#close("bad input");
  }

  /** Takes message text; returns the offset after it. */
  #takeText(message: IncomingMessage, input: Buffer, from: number): number {
    const end = message.push(input, from);
    const worthMs = (message.progressBytes / MIN_DATA_BYTES_PER_SECOND) * 1000;
    this.#deadline.set(DATA_BLOCK_TIMEOUT_MS, this.#dataStartedMs + DATA_GRACE_MS + worthMs);
    if (message.isComplete) this.#finishMessage(message);
    else if (message.isFull) void this.#awaitRoom(message);
    return end;
  }

  // The machine, and what it asks for.

  #advance(first: Event): void {
    let event: Event | undefined = first;
    while (event !== undefined) event = this.#carryOut(step(this.#session, event, this.#rules));
    if (this.#isShuttingDown) this.#leaveIfIdle();
  }

  /** Does what a step asks for; returns the event that follows at once, if one does. */
  #carryOut(transition: Transition): Event | undefined {
    const [next, ...actions] = transition;
    this.#session = next;
    for (const action of actions) {
      switch (action.type) {
        case "reply":
          this.#answer(action.reply);
          break;
        case "consult":
          return this.#consult(action.on);
        case "receive-message":
          this.#startMessage();
          break;
        case "close":
          this.#close(action.why);
          break;
        default:
          unreachable(action);
      }
    }
    return undefined;
  }

  /** Asks policy; returns its verdict if that is there at once. */
  #consult(command: Command): Event | undefined {
    const refusal = this.#ask(command);
    if (!(refusal instanceof Promise)) return { type: "verdict", refusal };
    void this.#awaitVerdict(refusal);
    return undefined;
  }

  /** The client's reverse name is waited for where a rule asks for it. */
  #ask(command: Command): Refusal | Promise<Refusal> {
    const ask = (): Refusal | Promise<Refusal> => this.#consultation.ask(command, this.#origin());
    const { named } = this.#client;
    const needsName = command.verb === "RCPT" && this.#service.routing.asksReverseName === true;
    return needsName && named !== undefined ? named.then(ask) : ask();
  }

  async #awaitVerdict(verdict: Promise<Refusal>): Promise<void> {
    this.#startWaiting();
    const refusal = await verdict;
    this.#goOn({ type: "verdict", refusal });
  }

  // The message.

  #startMessage(): void {
    this.#dataStartedMs = this.#service.clock.monotonicMs();
    this.#deadline.set(DATA_BLOCK_TIMEOUT_MS);
    const { named } = this.#client;
    if (named === undefined || this.#service.listener.maskSource) this.#openMessage();
    else void this.#awaitName(named);
  }

  async #awaitName(named: Promise<void>): Promise<void> {
    this.#startWaiting();
    await named;
    if (this.#reason !== undefined) return;
    this.#openMessage();
    if (this.#message?.isFull !== true) this.#goOn(undefined);
  }

  #openMessage(): void {
    const submission = this.#consultation.takeSubmission();
    const { transaction } = this.#consultation;
    const trace = transaction.traceHeader(submission.msgid, this.#hello(), this.#origin());
    this.#message = new IncomingMessage(submission, this.#rules.maxMessageBytes, trace);
    if (this.#message.isFull) void this.#awaitRoom(this.#message);
  }

  async #awaitRoom(message: IncomingMessage): Promise<void> {
    this.#startWaiting();
    await message.submission.drained();
    message.drained();
    this.#goOn(undefined);
  }

  #finishMessage(message: IncomingMessage): void {
    this.#line = ".";
    this.#message = undefined;
    const refusal = message.refusal();
    if (refusal === undefined) void this.#commit(message);
    else this.#advance({ type: "message-end", reply: refusal });
  }

  async #commit(incoming: IncomingMessage): Promise<void> {
    const { transaction } = this.#consultation;
    const message = transaction.message(incoming, this.#origin());
    const envelopes = transaction.envelopes(message.msgid);
    this.#startWaiting();
    const receipt = await incoming.submission.commit(message, envelopes);
    // Told even when the client has gone: the message is the queue's now.
    if (receipt.kind === "accepted") {
      const session = this.#client.id;
      this.#service.observe({ kind: "smtp-message", session, message, envelopes });
    }
    this.#goOn({ type: "message-end", reply: receiptReply(receipt, message.msgid) });
  }

  #dropMessage(): void {
    this.#consultation.drop();
    this.#message?.abort();
    this.#message = undefined;
  }

  // Waiting and ending.

  #startWaiting(): void {
    this.#flush();
    this.#wait = "answer";
  }

  /** What was awaited is there: takes the event that it makes, then what was held. */
  #goOn(event: Event | undefined): void {
    if (this.#reason !== undefined) return;
    this.#wait = "nothing";
    this.#deadline.set(COMMAND_TIMEOUT_MS);
    if (event !== undefined) this.#advance(event);
    while (this.#canRead()) {
      const input = this.#held.take();
      if (input === undefined) break;
      this.#take(input);
    }
    this.#flush();
    if (!this.#canRead()) return;
    if (this.#peerHalf === "ended") this.#close("disconnect");
    else this.#held.release();
  }

  #canRead(): boolean {
    return this.#wait === "nothing" && this.#reason === undefined;
  }

  /** Ends a session that is shutting down, unless a message or an answer is on its way. */
  #leaveIfIdle(): void {
    const isBusy = this.#wait === "answer" || this.#message !== undefined;
    if (!isBusy) this.#leave("4.3.2", "Service closing", "shutdown");
  }

  #timeOut(): void {
    if (this.#reason !== undefined) {
      this.#connection.destroy();
    } else if (this.#wait === "answer") {
      // The answer is ours to give: the peer's time starts when it has it.
      this.#deadline.set(COMMAND_TIMEOUT_MS);
    } else {
      this.#leave("4.4.2", "Connection timed out", "timeout");
    }
  }

  #leave(enhanced: string, why: string, reason: string): void {
    if (this.#reason !== undefined) return;
    this.#replies.add(serviceReply(this.#rules, enhanced, why));
    this.#close(reason);
  }

  /** Sends what there is to say and closes our half; the peer has LINGER_MS to close its own. */
  #close(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#flush();
    this.#reason = reason;
    this.#dropMessage();
    this.#connection.end();
    this.#held.drop(); // reads on, to see the peer's end
    this.#deadline.set(LINGER_MS);
  }

  // Output.

  #answer(reply: Reply): void {
    this.#replies.add(reply);
    if (reply.code < 400) return;
    this.#client.announce();
    this.#service.observe({
      kind: "smtp-failed-command",
      session: this.#client.id,
      command: this.#line.replace(/[^ -~]/g, "?"),
      reply: replyLine(reply),
      why: this.#consultation.takeWhy(),
    });
  }

  #flush(): void {
    if (this.#reason !== undefined) return;
    if (this.#replies.flush() === "stop" && this.#wait === "nothing") this.#wait = "peer";
  }

  // Who the client is.

  #hello(): Hello | undefined {
    const session = this.#session.phase === "consulting" ? this.#session.from : this.#session;
    return "hello" in session ? session.hello : undefined;
  }

  #origin(): Origin {
    return this.#client.origin(this.#hello()?.domain ?? "");
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
