/**
 * The flow of one session: what comes in while it can be taken and is held while not,
 * what goes out, what is waited for, and how it ends.
 *
 * Replies to all commands of one chunk leave in one write. While an answer is
 * awaited nothing more is read: what arrives is held and taken up afterwards, so
 * replies keep the order of the commands. Once a session has ended it takes nothing and
 * says nothing.
 *
 * Source: RFC 5321 §4.5.3.2 (time-outs), §3.8 (421); RFC 2920 §3.2 (pipelining).
 */
import type { Connection, ConnectionHandler, NetworkFault } from "#base/ports/network.ts";
import type { Reply } from "#protocols/smtp/reply.ts";
import type { Event } from "#protocols/smtp/server-session-state.ts";
import { serviceReply } from "#protocols/smtp/service.ts";
import type { LimitName } from "#model/limit-name.ts";
import { HeldInput } from "./held-input.ts";
import { MAX_LINGER_BYTES, MAX_UNSENT_REPLY_BYTES } from "./limits.ts";
import { ReplyBatch } from "./reply-batch.ts";
import type { ServedClient } from "./served-client.ts";
import type { Service } from "./service.ts";
import { SessionTime } from "./session-time.ts";

/** What flows through: the session itself. */
export interface FlowingSession {
  /** A message is on its way, which a shutdown lets pass. */
  readonly isReceiving: boolean;
  /** Takes `input`, as far as the flow is open (`isOpen`); what is left goes back to it. */
  take(input: Buffer): void;
  /** Has the machine take `event`, and does what it asks for. */
  advance(event: Event): void;
  /** The session has ended: gives back what it has of the queue. May come again. */
  drop(): void;
  /** The connection is closed; comes once, and last. */
  closed(ending: Ending): void;
}

/** Why a session ended, for the log. */
export interface Ending {
  readonly reason: string;
  readonly limit?: LimitName | undefined;
}

/** Why reading stops: "answer" is ours to give, "peer" means that our replies are not being read. */
type Wait = "nothing" | "answer" | "peer";

export class SessionFlow implements ConnectionHandler {
  #connection: Connection;
  /** The client's time. */
  readonly time: SessionTime;
  readonly #session: FlowingSession;
  readonly #client: ServedClient;
  readonly #service: Service;
  readonly #held: HeldInput;
  readonly #replies: ReplyBatch;
  #wait: Wait = "nothing";
  #peerHalf: "open" | "ended" = "open";
  #isShuttingDown = false;
  /** Received since the end. */
  #lingerBytes = 0;
  /** Why the session ends, once it does. */
  #reason: string | undefined;
  /** The limit that ended it, or is about to. */
  #limit: LimitName | undefined;

  constructor(
    connection: Connection,
    session: FlowingSession,
    client: ServedClient,
    service: Service,
  ) {
    this.#connection = connection;
    this.#session = session;
    this.#client = client;
    this.#service = service;
    this.#held = new HeldInput(connection);
    this.#replies = new ReplyBatch(connection);
    this.time = new SessionTime(
      service.clock,
      () => client.patience,
      () => this.#timeOut(),
    );
  }

  /** Starts reading. */
  start(): void {
    this.#connection.start(this);
  }

  /** Goes on with what the connection has become. */
  moveTo(connection: Connection): void {
    this.#connection = connection;
    this.#held.moveTo(connection);
    this.#replies.moveTo(connection);
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** Octets that are held, in either direction. */
  get heldBytes(): number {
    return this.#held.bytes + this.#connection.unsentBytes;
  }

  /** Octets that came while none could be taken. */
  get heldInputBytes(): number {
    return this.#held.bytes;
  }

  /** Whether input can be taken. */
  get isOpen(): boolean {
    return this.#wait === "nothing" && this.#reason === undefined;
  }

  get hasEnded(): boolean {
    return this.#reason !== undefined;
  }

  // What the connection tells.

  data(bytes: Uint8Array): void {
    if (this.#reason !== undefined) {
      // Who sends on and on does not wait for our last reply.
      this.#lingerBytes += bytes.length;
      if (this.#lingerBytes > MAX_LINGER_BYTES) this.#connection.destroy();
      return;
    }
    const input = asBuffer(bytes);
    if (this.#wait === "nothing") this.#session.take(input);
    else this.#hold(input);
    this.flush();
  }

  end(): void {
    this.#peerHalf = "ended";
    if (this.#wait === "nothing") this.close("disconnect");
  }

  drain(): void {
    if (this.#wait === "peer") this.goOn(undefined);
  }

  closed(fault: NetworkFault | undefined): void {
    this.time.stop();
    this.#reason ??= fault === undefined ? "disconnect" : `io-error: ${fault.code}`;
    this.#session.drop();
    this.#session.closed({ reason: this.#reason, limit: this.#limit });
  }

  // Waiting.

  /** Stops reading: an answer is ours to give. */
  startWaiting(): void {
    this.flush();
    this.time.pause();
    this.#wait = "answer";
  }

  /** The answer is there, but another may be awaited before the session goes on. */
  stopWaiting(): void {
    this.#wait = "nothing";
  }

  /** What was awaited is there: takes the event that it makes, then what was held. */
  goOn(event: Event | undefined): void {
    if (this.#reason !== undefined) return;
    this.#wait = "nothing";
    this.time.resume();
    if (event !== undefined) this.#session.advance(event);
    while (this.isOpen) {
      const input = this.#held.take();
      if (input === undefined) break;
      this.#session.take(input);
    }
    this.flush();
    if (!this.isOpen) return;
    if (this.#peerHalf === "ended") this.close("disconnect");
    else this.#held.release();
  }

  /** Takes back what is left of the input that was taken last. */
  putBack(rest: Buffer): void {
    this.#held.putBack(rest);
  }

  #hold(input: Buffer): void {
    this.#held.add(input);
    this.#service.pressure.grew(input.length);
  }

  // Output.

  /** Says `reply` with the others. */
  say(reply: Reply): void {
    this.#replies.add(reply);
  }

  /** Sends what there is to say. */
  flush(): void {
    if (this.#reason !== undefined) return;
    if (this.#replies.flush() === "go-on") return;
    this.#service.pressure.grew(MAX_UNSENT_REPLY_BYTES);
    if (this.#wait === "nothing") this.#wait = "peer";
  }

  // Ending.

  /** Ends the session with 421: now, or when nothing is on its way. */
  shutDown(): void {
    this.#isShuttingDown = true;
    this.leaveIfDue();
  }

  /** Ends a session that is shutting down, unless a message or an answer is on its way. */
  leaveIfDue(): void {
    if (!this.#isShuttingDown || this.#wait === "answer" || this.#session.isReceiving) return;
    this.leave("4.3.2", "Service closing", { reason: "shutdown" });
  }

  /** Ends the session with 421, if it has not ended. */
  leave(enhanced: string, why: string, { reason, limit }: Ending): void {
    if (this.#reason !== undefined) return;
    this.#replies.add(serviceReply(this.#client.rules, enhanced, why));
    this.close(reason, limit);
  }

  /** Sends what there is to say and closes our half; the peer has LINGER_MS to close its own. */
  close(reason: string, limit?: LimitName): void {
    if (this.#reason !== undefined) return;
    this.#limit = limit;
    this.flush();
    this.#reason = reason;
    this.#session.drop();
    this.#connection.end();
    this.#held.drop(); // reads on, to see the peer's end
    this.time.awaitEnd();
  }

  /** Ends the session without a word, with its connection. */
  breakOff(reason: string): void {
    this.#reason ??= reason;
    this.#connection.destroy();
  }

  /** The connection is gone, and nobody has told. */
  lose({ reason, limit }: Ending): void {
    if (this.#reason === undefined) this.#limit = limit;
    this.#reason ??= reason;
    this.closed(undefined);
  }

  #timeOut(): void {
    if (this.#reason !== undefined) {
      this.#connection.destroy();
    } else if (this.#wait === "answer") {
      // The answer is ours to give: the peer's time starts when it has it.
      this.time.extend();
    } else {
      const limit = this.time.limit();
      this.leave("4.4.2", "Connection timed out", { reason: "timeout", limit });
    }
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
