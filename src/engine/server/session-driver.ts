/**
 * Drives one SMTP session: has the machine in protocols/smtp take the client's commands,
 * does what its steps ask for, and brings the answers of ruleset and queue back to it.
 *
 * What has a course of its own has a room each: `SessionFlow` (input, output, waiting,
 * the end), `ClientLines`, `ServedClient`, `MessageReception`, `SessionAuth`,
 * `secureSession`. No promise is made where an answer is there at once.
 *
 * Source: RFC 5321 §3, §4.1; RFC 3207 §4 (STARTTLS).
 */
import type { Connection } from "#base/ports/network.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Command, Hello } from "#protocols/smtp/command.ts";
import { type Reply, replyLine } from "#protocols/smtp/reply.ts";
import { step } from "#protocols/smtp/server-session.ts";
import {
  type Action,
  CONNECTED,
  type Event,
  type Session,
  type Transition,
} from "#protocols/smtp/server-session-state.ts";
import { greetingReply } from "#protocols/smtp/service.ts";
import { NOTHING_AFTER_STARTTLS, READY_FOR_TLS } from "#protocols/smtp/status.ts";
import type { Origin } from "#model/envelope.ts";
import { ClientLines, type ReadSession } from "./client-lines.ts";
import { Consultation, type Refusal } from "./consultation.ts";
import { MessageReception, type ReceivingSession } from "./message-reception.ts";
import type { PressedSession } from "./pressure.ts";
import { limitOf } from "./reply-limits.ts";
import { ServedClient } from "./served-client.ts";
import type { Service } from "./service.ts";
import { SessionAuth } from "./session-auth.ts";
import type { SessionEnds } from "./session-ends.ts";
import { type Ending, type FlowingSession, SessionFlow } from "./session-flow.ts";
import { secureSession } from "./session-handshake.ts";

/** A session under way, as the server sees it. */
export interface LiveSession extends PressedSession {
  /** Ends the session with 421: now, or after the message that is on its way. */
  shutDown(): void;
  /** Breaks the connection off. */
  kill(): void;
}

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

class SmtpSession implements LiveSession, FlowingSession, ReadSession, ReceivingSession {
  readonly client: ServedClient;
  readonly flow: SessionFlow;
  readonly auth: SessionAuth;
  readonly consultation: Consultation;
  readonly #service: Service;
  readonly #ended: (session: LiveSession) => void;
  readonly #lines: ClientLines;
  readonly #reception: MessageReception;
  #session: Session = CONNECTED;

  constructor(
    { connection, ends }: AcceptedConnection,
    service: Service,
    ended: (session: LiveSession) => void,
  ) {
    this.#service = service;
    this.#ended = ended;
    this.client = new ServedClient(ends, service);
    const { peer, remote } = ends;
    if (peer !== remote && peer.kind === "tcp")
      service.observe({
        kind: "smtp-proxied",
        session: this.client.identity.id,
        address: peer.host,
      });
    this.flow = new SessionFlow(connection, this, this.client, service);
    this.consultation = new Consultation(service, this.client);
    this.auth = new SessionAuth(service, this.client, this.flow);
    this.#lines = new ClientLines(service, this);
    this.#reception = new MessageReception(service, this);
  }

  begin(): void {
    if (this.#service.listener.tls.mode === "smtps" && this.client.tls === undefined) {
      void this.#secure(undefined);
    } else {
      this.flow.start();
      this.#greet();
      this.flow.flush();
    }
  }

  // For the server.

  shutDown(): void {
    this.flow.shutDown();
  }

  kill(): void {
    this.flow.breakOff("shutdown");
  }

  get isFavoured(): boolean {
    return this.client.isFavoured;
  }

  get heldBytes(): number {
    return this.flow.heldBytes + this.#lines.heldBytes + this.consultation.heldBytes;
  }

  hurry(): void {
    this.flow.time.hurry();
  }

  giveWay(): void {
    this.flow.leave("4.3.1", "Too much memory in use", { reason: "limit", limit: "memory" });
  }

  // For the flow, and who receives messages.

  get isReceiving(): boolean {
    return this.#reception.isReceiving;
  }

  take(input: Buffer): void {
    let at = 0;
    while (at < input.length && !this.flow.hasEnded) {
      if (!this.flow.isOpen) {
        this.flow.putBack(input.subarray(at));
        return;
      }
      at = this.#reception.takesInput ? this.#reception.take(input, at) : this.#takeLine(input, at);
    }
  }

  advance(first: Event): void {
    let event: Event | undefined = first;
    while (event !== undefined)
      event = this.#carryOut(step(this.#session, event, this.client.rules));
    this.flow.leaveIfDue();
  }

  drop(): void {
    this.#reception.drop();
  }

  closed({ reason, limit }: Ending): void {
    const { identity } = this.client;
    identity.announce();
    this.#service.observe({ kind: "smtp-disconnected", session: identity.id, reason, limit });
    this.#ended(this);
  }

  get hello(): Hello | undefined {
    const session = this.#session.phase === "consulting" ? this.#session.from : this.#session;
    return "hello" in session ? session.hello : undefined;
  }

  get origin(): Origin {
    return this.client.identity.origin(this.hello?.domain ?? "");
  }

  /** Takes the next line; returns the offset after it. */
  #takeLine(input: Buffer, from: number): number {
    const event = this.#lines.read(input, from);
    const { end } = this.#lines;
    if (event !== undefined) this.advance(event);
    return end;
  }

  // What the machine asks for.

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
          return this.auth.start(action.command);
        case "receive-message":
          this.#lines.passText();
          this.#reception.start();
          break;
        case "assume-client":
          this.client.assume(action.client);
          break;
        case "note-client":
          this.#noteClient(action.text);
          break;
        case "greet":
          this.#greet();
          break;
        case "receive-chunk":
          return this.#reception.startChunk(action.chunk, action.isFirst);
        case "discard-chunk":
          return this.#reception.startDiscarding(action.chunk);
        case "abandon-message":
          this.#reception.abandon();
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

  #greet(): void {
    this.flow.say(greetingReply(this.client.rules));
  }

  #answer(reply: Reply): void {
    this.flow.say(reply);
    if (reply.code < 400) return;
    const { identity } = this.client;
    identity.announce();
    this.#service.observe({
      kind: "smtp-failed-command",
      session: identity.id,
      command: this.#lines.shown.replace(/[^ -~]/g, "?"),
      reply: replyLine(reply),
      why: this.consultation.takeWhy(),
      limit: limitOf(reply),
    });
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
    const { named } = this.client.identity;
    const needsName = command.verb === "RCPT" && this.#service.routing.asksReverseName === true;
    return needsName && named !== undefined
      ? named.then(() => this.consultation.ask(command, this.origin))
      : this.consultation.ask(command, this.origin);
  }

  async #awaitVerdict(verdict: Promise<Refusal>): Promise<void> {
    this.flow.startWaiting();
    const refusal = await verdict;
    this.flow.goOn({ type: "verdict", refusal });
  }

  /** RFC 3207 §4.2: whatever came with the command in the clear was never said in secret. */
  #startTls(): void {
    if (this.#lines.hasMore) {
      this.#lines.refuse(NOTHING_AFTER_STARTTLS);
      return;
    }
    this.flow.say(READY_FOR_TLS);
    void this.#secure({ type: "secured" });
  }

  /** @param then the event that the handshake makes; undefined: the greeting. */
  async #secure(then: Event | undefined): Promise<void> {
    if (!(await secureSession(this.#service, this.client, this.flow))) return;
    if (then === undefined) this.#greet();
    this.flow.goOn(then);
    this.flow.leaveIfDue();
  }

  #noteClient(text: string): void {
    const { identity } = this.client;
    identity.announce();
    this.#service.observe({ kind: "notice", text: `${identity.id} smtp xforward ${text}` });
  }

  #close(why: Extract<Action, { type: "close" }>["why"]): void {
    if (why === "quit" || why === "bad input") this.flow.close(why);
    else this.flow.close("limit", why);
  }
}
