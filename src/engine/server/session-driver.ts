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
import type { TlsFacts, TlsFault } from "#base/ports/tls.ts";
import type { Endpoint } from "#base/endpoint.ts";
import { unreachable } from "#base/unreachable.ts";
import {
  type Auth,
  type Bdat,
  type Command,
  type Hello,
  parseCommand,
} from "#protocols/smtp/command.ts";
import { ChunkReader } from "#protocols/smtp/chunk-reader.ts";
import { CommandReader } from "#protocols/smtp/command-reader.ts";
import type { NamedClient } from "#protocols/smtp/xclient.ts";
import type { Extensions } from "#protocols/smtp/extensions.ts";
import { DataDecoder } from "#protocols/smtp/data-decoder.ts";
import { type Reply, replyLine } from "#protocols/smtp/reply.ts";
import { step } from "#protocols/smtp/server-session.ts";
import {
  type Action,
  CONNECTED,
  type Event,
  type Session,
  type Transition,
} from "#protocols/smtp/server-session-state.ts";
import { greetingReply, type ServiceRules, serviceReply } from "#protocols/smtp/service.ts";
import {
  BAD_CHARACTER,
  BARE_NEWLINE,
  LINE_TOO_LONG,
  NOTHING_AFTER_STARTTLS,
  READY_FOR_TLS,
} from "#protocols/smtp/status.ts";
import { clientRefusal } from "#policy/tls/client-certificate.ts";
import type { Mechanism } from "#protocols/sasl/exchange.ts";
import type { Origin } from "#model/envelope.ts";
import type { LimitName } from "#model/limit-name.ts";
import { AuthExchange, type AuthMove } from "./auth-exchange.ts";
import { ClientIdentity } from "./client-identity.ts";
import { Consultation, type Refusal } from "./consultation.ts";
import { HeldInput } from "./held-input.ts";
import { IncomingMessage, type TextReader } from "./incoming-message.ts";
import { MAX_LINGER_BYTES, MAX_UNSENT_REPLY_BYTES, type Patience, PATIENT } from "./limits.ts";
import type { PressedSession } from "./pressure.ts";
import { offeredExtensions } from "./offered-extensions.ts";
import type { SessionEnds } from "./session-ends.ts";
import { ReplyBatch } from "./reply-batch.ts";
import { limitOf } from "./reply-limits.ts";
import { type Service, serviceRules } from "./service.ts";
import { originTls, tellTls } from "./session-tls.ts";
import { isLocal } from "./source.ts";
import { SessionTime } from "./session-time.ts";
import { receiptReply } from "./verdicts.ts";

/** A session under way, as the server sees it. */
export interface LiveSession extends PressedSession {
  /** Ends the session with 421: now, or after the message that is on its way. */
  shutDown(): void;
  /** Breaks the connection off. */
  kill(): void;
}

/** What an exchange takes a line with a bare CR or LF for: no base64. */
const BARE_RESPONSE = "\r";

/** Why we end a session, for the log. */
interface Ending {
  readonly reason: string;
  readonly limit?: LimitName;
}

/** Why reading stops: "answer" is ours to give, "peer" means that our replies are not being read. */
type Wait = "nothing" | "answer" | "peer";

/** A message that comes by BDAT. */
interface ChunkedMessage {
  readonly reader: ChunkReader;
  readonly message: IncomingMessage;
  /** The one that is coming, or came last. */
  chunk: Bdat | undefined;
}

const CHUNK_DISCARDED: Event = Object.freeze({ type: "chunk-end", refusal: undefined });

/** A connection, and whom it is with. */
export interface AcceptedConnection {
  readonly connection: Connection;
  readonly ends: SessionEnds;
}

/** Serves a connection to its end; `ended` is called once, when it is closed. */
export function serveSession(
  accepted: AcceptedConnection,
  service: Service,
  ended: (session: LiveSession) => void,
): LiveSession {
  const session = new SmtpSession(accepted, service, ended);
  session.begin();
  return session;
}

class SmtpSession implements ConnectionHandler, LiveSession {
  #connection: Connection;
  readonly #service: Service;
  readonly #ended: (session: LiveSession) => void;
  /** Whom the session is with. */
  #ends: SessionEnds;
  #rules: ServiceRules;
  readonly #client: ClientIdentity;
  readonly #held: HeldInput;
  readonly #consultation: Consultation;
  readonly #reader = new CommandReader();
  readonly #replies: ReplyBatch;
  readonly #time: SessionTime;
  #session: Session = CONNECTED;
  /** Takes the input while there is one. */
  #message: IncomingMessage | undefined;
  /** The message that comes in chunks, from the first to the last. */
  #chunked: ChunkedMessage | undefined;
  /** Octets of a refused chunk that are still to come. */
  #discardBytes = 0;
  /** Of the TLS under way. */
  #tls: TlsFacts | undefined;
  /** More input is there already behind the line that was read last. */
  #hasMore = false;
  /** Takes the lines of the client while there is one. */
  #auth: AuthExchange | undefined;
  /** Received since the end. */
  #lingerBytes = 0;
  /** What the client said last, for the log. */
  #line = "";
  #wait: Wait = "nothing";
  #peerHalf: "open" | "ended" = "open";
  #isShuttingDown = false;
  /** Why the session ends, once it does. */
  #reason: string | undefined;
  /** The limit that ended it. */
  #limit: LimitName | undefined;

  constructor(
    { connection, ends }: AcceptedConnection,
    service: Service,
    ended: (session: LiveSession) => void,
  ) {
    this.#connection = connection;
    this.#ends = ends;
    this.#service = service;
    this.#ended = ended;
    this.#rules = serviceRules(ends, service, service.assumedTls);
    this.#client = new ClientIdentity(ends.remote, service);
    this.#client.username = this.#rules.auth.user;
    this.#learnTls(service.assumedTls);
    this.#held = new HeldInput(connection);
    const via = ends.remote.kind === "unix" ? "socket" : "tcp";
    this.#consultation = new Consultation(service, via);
    this.#replies = new ReplyBatch(connection);
    this.#time = new SessionTime(
      service.clock,
      () => this.#patience(),
      () => this.#timeOut(),
    );
  }

  begin(): void {
    if (this.#service.listener.tls.mode === "smtps" && this.#tls === undefined) {
      void this.#secure(undefined);
    } else {
      this.#connection.start(this);
      this.#greet();
    }
  }

  #greet(): void {
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
    else this.#hold(input);
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
    this.#time.stop();
    this.#reason ??= fault === undefined ? "disconnect" : `io-error: ${fault.code}`;
    this.#dropMessage();
    this.#client.announce();
    this.#service.observe({
      kind: "smtp-disconnected",
      session: this.#client.id,
      reason: this.#reason,
      limit: this.#limit,
    });
    this.#ended(this);
  }

  shutDown(): void {
    this.#isShuttingDown = true;
    this.#leaveIfIdle();
  }

  get isFavoured(): boolean {
    return isLocal(this.#ends.remote) || this.#rules.auth.user !== "";
  }

  get heldBytes(): number {
    return this.#held.bytes + this.#consultation.heldBytes + this.#connection.unsentBytes;
  }

  hurry(): void {
    this.#time.hurry();
  }

  giveWay(): void {
    this.#leave("4.3.1", "Too much memory in use", { reason: "limit", limit: "memory" });
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
      if (message !== undefined) at = this.#takeText(message, input, at);
      else if (this.#discardBytes > 0) at = this.#discard(input, at);
      else at = this.#takeLine(input, at);
    }
  }

  /** Reads the next command; returns the offset after it. */
  #takeLine(input: Buffer, from: number): number {
    const line = this.#reader.read(input, from);
    if (line === undefined) return input.length;
    this.#hasMore = this.#reader.end < input.length || this.#held.bytes > 0;
    this.#time.awaitCommand();
    if (typeof line === "string" && this.#auth !== undefined) {
      this.#continueAuth(this.#auth, line);
    } else if (typeof line === "string") {
      const command = parseCommand(line, this.#rules);
      const isFault = "code" in command;
      this.#line = isFault || command.verb !== "AUTH" ? line : withoutResponse(command, line);
      this.#advance(isFault ? { type: "fault", reply: command } : { type: "command", command });
    } else if (line.why === "bare-newline" && this.#auth !== undefined) {
      this.#continueAuth(this.#auth, BARE_RESPONSE);
    } else if (line.why === "bare-newline") {
      this.#line = "(bare CR or LF)";
      this.#advance({ type: "fault", reply: BARE_NEWLINE });
    } else {
      if (line.why === "too-long") this.#limit = "line-length";
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
    this.#time.awaitText(message.progressBytes);
    if (message.isComplete) this.#finishText(message);
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
        case "start-tls":
          this.#startTls();
          break;
        case "authenticate":
          return this.#startAuth(action.command);
        case "receive-message":
          this.#startMessage();
          break;
        case "assume-client":
          this.#assumeClient(action.client);
          break;
        case "note-client":
          this.#noteClient(action.text);
          break;
        case "greet":
          this.#replies.add(greetingReply(this.#rules));
          break;
        case "receive-chunk":
          return this.#startChunk(action.chunk, action.isFirst);
        case "discard-chunk":
          return this.#startDiscarding(action.chunk);
        case "abandon-message":
          this.#time.abandonText();
          this.#dropMessage();
          break;
        case "close":
          this.#closeFor(action.why);
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

  // TLS.

  /** RFC 3207 §4.2: whatever came with the command in the clear was never said in secret. */
  #startTls(): void {
    if (this.#hasMore) {
      this.#refuseInput(NOTHING_AFTER_STARTTLS);
      return;
    }
    this.#replies.add(READY_FOR_TLS);
    void this.#secure({ type: "secured" });
  }

  /**
   * The handshake. Nobody hears of the connection meanwhile; it comes back, or has ended.
   *
   * @param then what it makes; undefined: the greeting.
   */
  async #secure(then: Event | undefined): Promise<void> {
    const { tls, listener, askTable } = this.#service;
    if (tls === undefined) throw new TypeError("Cannot secure a session: there is no TLS");
    this.#startWaiting();
    const secured = await tls.accept(this.#connection, this.#patience().handshakeMs);
    if (secured.kind === "tls-fault") {
      this.#failHandshake(secured);
      return;
    }
    this.#connection = secured.connection;
    this.#held.moveTo(this.#connection);
    this.#replies.moveTo(this.#connection);
    this.#learnTls(secured.facts);
    this.#client.announce();
    tellTls(this.#service.observe, this.#client.id, secured.facts);
    this.#connection.start(this);
    const refusal = await clientRefusal(listener.tls, secured.facts.peer, askTable);
    if (refusal !== undefined) this.#reason ??= `tls-accept-failed: ${refusal}`;
    // Or it was ended meanwhile.
    if (this.#reason !== undefined) {
      this.#connection.destroy();
      return;
    }
    if (then === undefined) this.#replies.add(greetingReply(this.#rules));
    this.#goOn(then);
    if (this.#isShuttingDown) this.#leaveIfIdle();
  }

  #failHandshake({ why, message }: TlsFault): void {
    this.#reason ??= why === "closed" ? "disconnect" : `tls-accept-failed: ${message}`;
    if (why === "timeout") this.#limit = "handshake-time";
    this.closed(undefined);
  }

  #learnTls(facts: TlsFacts | undefined): void {
    if (facts === undefined) return;
    this.#tls = facts;
    this.#client.tls = originTls(facts);
    this.#rules = serviceRules(this.#ends, this.#service, facts);
    // RFC 3207 §4.2: who it was in the clear, it must show again.
    this.#client.username = this.#rules.auth.user;
  }

  // A peer that speaks for others.

  #assumeClient(client: NamedClient): void {
    const { address, port, localAddress, localPort } = client;
    const { remote, local } = this.#ends;
    this.#ends = {
      ...this.#ends,
      remote: movedEnd(remote, address, port),
      local: movedEnd(local, localAddress, localPort),
    };
    this.#client.assume(this.#ends.remote, client);
    this.#rules = serviceRules(this.#ends, this.#service, this.#tls);
    const user = this.#client.username;
    const extensions = this.#extensions();
    this.#rules = { ...this.#rules, extensions, auth: { ...this.#rules.auth, user } };
  }

  #noteClient(text: string): void {
    this.#client.announce();
    const session = this.#client.id;
    this.#service.observe({ kind: "notice", text: `${session} smtp xforward ${text}` });
  }

  // Authentication.

  #startAuth({ mechanism, initial }: Auth): Event | undefined {
    const { listener, authenticator, clock, random } = this.#service;
    if (authenticator === undefined || listener.auth.mode === "none")
      throw new TypeError("Cannot authenticate: nobody was named who could");
    // The machine has compared it with those that are offered.
    this.#auth = new AuthExchange(mechanism as Mechanism, {
      clock,
      random,
      authenticator,
      table: listener.auth.table?.name,
      address: this.#client.origin("").address,
      protection: this.#tls ?? "local",
    });
    return this.#moveAuth(this.#auth, this.#auth.begin(initial));
  }

  #continueAuth(exchange: AuthExchange, line: string): void {
    // What the log shows in the place of what the client has written.
    this.#line = `AUTH ${exchange.mechanism} (...)`;
    const event = this.#moveAuth(exchange, exchange.respond(line));
    if (event !== undefined) this.#advance(event);
  }

  #moveAuth(exchange: AuthExchange, move: AuthMove | Promise<AuthMove>): Event | undefined {
    if (move instanceof Promise) {
      void this.#awaitAuth(exchange, move);
      return undefined;
    }
    if (move.kind === "challenge") {
      this.#replies.add(move.reply);
      return undefined;
    }
    this.#auth = undefined;
    const { reply, result, user } = move;
    const { mechanism } = exchange;
    this.#client.announce();
    const session = this.#client.id;
    this.#service.observe({ kind: "smtp-authentication", session, mechanism, user, result });
    if (result === "ok") {
      this.#client.username = user;
      const auth = { ...this.#rules.auth, user };
      this.#rules = { ...this.#rules, auth, extensions: this.#extensions() };
    }
    return { type: "auth-end", reply };
  }

  async #awaitAuth(exchange: AuthExchange, move: Promise<AuthMove>): Promise<void> {
    this.#startWaiting();
    const ended = await move;
    if (this.#reason === undefined) this.#goOn(this.#moveAuth(exchange, ended));
  }

  // The message.

  #startMessage(): void {
    this.#time.startText();
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
    this.#message = this.#incoming(new DataDecoder());
    if (this.#message.isFull) void this.#awaitRoom(this.#message);
  }

  #incoming(reader: TextReader): IncomingMessage {
    const submission = this.#consultation.takeSubmission();
    const { transaction } = this.#consultation;
    const { maxMessageBytes, serverName } = this.#rules;
    const trace = transaction.traceHeader(submission.msgid, {
      hello: this.#hello(),
      origin: this.#origin(),
      serverName,
    });
    const message = new IncomingMessage(submission, reader, {
      maxBytes: maxMessageBytes,
      trace,
      mayBeUtf8: transaction.mayBeUtf8,
    });
    if (this.#client.isOurs) message.edit(transaction.headerEdits(serverName));
    return message;
  }

  /** Takes the next chunk; returns the event that follows at once, if it is empty. */
  #startChunk(chunk: Bdat, isFirst: boolean): Event | undefined {
    const { named } = this.#client;
    if (isFirst) this.#time.startText();
    else this.#time.continueText();
    if (!isFirst || named === undefined || this.#service.listener.maskSource)
      return this.#openChunk(chunk);
    void this.#awaitNameForChunk(named, chunk);
    return undefined;
  }

  async #awaitNameForChunk(named: Promise<void>, chunk: Bdat): Promise<void> {
    this.#startWaiting();
    await named;
    if (this.#reason !== undefined) return;
    this.#wait = "nothing";
    const event = this.#openChunk(chunk);
    // An empty last chunk has ended the message, for which the queue is asked.
    if (this.#canRead()) this.#goOn(event);
  }

  #openChunk(chunk: Bdat): Event | undefined {
    this.#chunked ??= this.#incomingChunks();
    const { message, reader } = this.#chunked;
    this.#chunked.chunk = chunk;
    reader.begin(chunk.octets);
    if (chunk.octets === 0) return this.#endChunk(this.#chunked);
    this.#message = message;
    return undefined;
  }

  #incomingChunks(): ChunkedMessage {
    const reader = new ChunkReader(this.#consultation.transaction.isBinary);
    return { reader, message: this.#incoming(reader), chunk: undefined };
  }

  #finishText(message: IncomingMessage): void {
    if (this.#chunked === undefined) {
      this.#finishMessage(message);
      return;
    }
    const event = this.#endChunk(this.#chunked);
    if (event !== undefined) this.#advance(event);
  }

  /** All of a chunk is there; returns the event that it makes, if that is known at once. */
  #endChunk({ message, reader, chunk }: ChunkedMessage): Event | undefined {
    this.#message = undefined;
    if (chunk?.isLast === true) {
      this.#chunked = undefined;
      message.complete(reader.tail());
      return this.#endMessage(message);
    }
    const refusal = message.despair;
    if (refusal !== undefined) this.#chunked = undefined;
    if (refusal !== undefined || !message.isFull) return { type: "chunk-end", refusal };
    void this.#awaitRoom(message, { type: "chunk-end", refusal });
    return undefined;
  }

  #startDiscarding({ octets }: Bdat): Event | undefined {
    if (octets === 0) return CHUNK_DISCARDED;
    this.#time.startText();
    this.#discardBytes = octets;
    return undefined;
  }

  #discard(input: Buffer, from: number): number {
    const end = Math.min(input.length, from + this.#discardBytes);
    this.#discardBytes -= end - from;
    this.#time.awaitText(0);
    if (this.#discardBytes === 0) {
      this.#time.abandonText();
      this.#advance(CHUNK_DISCARDED);
    }
    return end;
  }

  /** @param event what the queue's having room again makes, if anything. */
  async #awaitRoom(message: IncomingMessage, event?: Event): Promise<void> {
    this.#startWaiting();
    await message.submission.drained();
    message.drained();
    this.#goOn(event);
  }

  #finishMessage(message: IncomingMessage): void {
    this.#line = ".";
    this.#message = undefined;
    const event = this.#endMessage(message);
    if (event !== undefined) this.#advance(event);
  }

  #endMessage(message: IncomingMessage): Event | undefined {
    const refusal = message.refusal();
    if (refusal !== undefined) return { type: "message-end", reply: refusal };
    void this.#commit(message);
    return undefined;
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
    this.#chunked?.message.abort();
    this.#chunked = undefined;
  }

  // Waiting and ending.

  #startWaiting(): void {
    this.#flush();
    this.#time.pause();
    this.#wait = "answer";
  }

  /** What was awaited is there: takes the event that it makes, then what was held. */
  #goOn(event: Event | undefined): void {
    if (this.#reason !== undefined) return;
    this.#wait = "nothing";
    this.#time.resume();
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
    if (!isBusy) this.#leave("4.3.2", "Service closing", { reason: "shutdown" });
  }

  #timeOut(): void {
    if (this.#reason !== undefined) {
      this.#connection.destroy();
    } else if (this.#wait === "answer") {
      // The answer is ours to give: the peer's time starts when it has it.
      this.#time.extend();
    } else {
      const limit = this.#time.limit();
      this.#leave("4.4.2", "Connection timed out", { reason: "timeout", limit });
    }
  }

  #leave(enhanced: string, why: string, { reason, limit }: Ending): void {
    if (this.#reason !== undefined) return;
    this.#limit = limit;
    this.#replies.add(serviceReply(this.#rules, enhanced, why));
    this.#close(reason);
  }

  #closeFor(why: Extract<Action, { type: "close" }>["why"]): void {
    if (why === "quit" || why === "bad input") {
      this.#close(why);
    } else {
      this.#limit = why;
      this.#close("limit");
    }
  }

  #patience(): Patience {
    return this.isFavoured ? PATIENT : this.#service.pressure.patience;
  }

  #hold(input: Buffer): void {
    this.#held.add(input);
    this.#service.pressure.grew(input.length);
  }

  /** Sends what there is to say and closes our half; the peer has LINGER_MS to close its own. */
  #close(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#flush();
    this.#reason = reason;
    this.#dropMessage();
    this.#connection.end();
    this.#held.drop(); // reads on, to see the peer's end
    this.#time.awaitEnd();
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
      limit: limitOf(reply),
    });
  }

  #flush(): void {
    if (this.#reason !== undefined) return;
    if (this.#replies.flush() === "go-on") return;
    this.#service.pressure.grew(MAX_UNSENT_REPLY_BYTES);
    if (this.#wait === "nothing") this.#wait = "peer";
  }

  // Who the client is.

  #hello(): Hello | undefined {
    const session = this.#session.phase === "consulting" ? this.#session.from : this.#session;
    return "hello" in session ? session.hello : undefined;
  }

  /** What is offered to the client, now that it is who it is. */
  #extensions(): Extensions {
    const isSecured = this.#rules.tls === "secured";
    const { speaksForOthers } = this.#ends;
    const { isOurs } = this.#client;
    const { listener, clock } = this.#service;
    const nowMs = clock.wallMs();
    return offeredExtensions(listener, { isOurs, isSecured, speaksForOthers, nowMs });
  }

  #origin(): Origin {
    return this.#client.origin(this.#hello()?.domain ?? "");
  }
}

/** `end` with another address and port, as far as they are said. */
function movedEnd(end: Endpoint, host: string | undefined, port: number | undefined): Endpoint {
  if (end.kind === "unix") return end;
  return { kind: "tcp", host: host ?? end.host, port: port ?? end.port };
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** An AUTH command as it may be shown: a response can be a password. */
function withoutResponse({ mechanism, initial }: Auth, line: string): string {
  return initial === undefined ? line : `AUTH ${mechanism} (...)`;
}
