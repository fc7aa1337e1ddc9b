/**
 * A conversation with a server, up to what it says of a recipient: no message is ever sent.
 *
 * Promises: it ends within SMTP_TRY_MS of each step, in the clear, and whatever the server sends is bounded.
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Connection, Network, NetworkFault } from "#base/ports/network.ts";
import { type ReceivedReply, ReplyParser } from "#protocols/smtp/reply-parser.ts";

/** For the connection, and for each reply. */
export const SMTP_TRY_MS = 5_000;

export type SmtpTry =
  | {
      readonly kind: "answered";
      /** To the last command that was sent. */
      readonly reply: ReceivedReply;
      /** The command, or "" for the greeting. */
      readonly command: string;
      /** The address that the connection came from. */
      readonly from: Endpoint;
    }
  | { readonly kind: "unreachable"; readonly fault: NetworkFault }
  /** It was reached, and did not speak SMTP to the end. */
  | { readonly kind: "silent"; readonly why: string };

/**
 * Sends `commands` one after the other, each when the one before was taken (2xx), and tells the
 * reply to the last that was sent. Without any it is the greeting that is told.
 */
export async function trySmtp(
  endpoint: Endpoint,
  commands: readonly string[],
  parts: { readonly network: Network; readonly clock: Clock },
): Promise<SmtpTry> {
  const { network, clock } = parts;
  const connection = await network.connect(endpoint, { timeoutMs: SMTP_TRY_MS });
  if ("kind" in connection) return { kind: "unreachable", fault: connection };
  const replies = new Replies(connection, clock);
  try {
    let command = "";
    let reply = await replies.next();
    for (const next of commands) {
      if (typeof reply === "string" || reply.code >= 300) break;
      command = next;
      connection.write(Buffer.from(`${next}\r\n`));
      reply = await replies.next();
    }
    if (typeof reply === "string") return { kind: "silent", why: reply };
    return { kind: "answered", reply, command, from: connection.local };
  } finally {
    replies.leave();
  }
}

/** The replies of one connection, in their order. */
class Replies {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #parser = new ReplyParser();
  readonly #come: ReceivedReply[] = [];
  #end: string | undefined;
  #wake: () => void = () => undefined;
  #isClosed = false;
  #cancelDestroy: () => void = () => undefined;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    connection.start({
      data: (bytes) => {
        const { replies, fault } = this.#parser.push(bytes);
        // One is waited for at a time: what comes unasked is of no use.
        this.#come.push(...replies.slice(0, MAX_UNREAD - this.#come.length));
        if (fault !== undefined) this.#end = `it does not speak SMTP: ${fault.reason}`;
        this.#wake();
      },
      end: () => this.#ended(),
      drain() {},
      closed: () => {
        this.#isClosed = true;
        this.#cancelDestroy();
        this.#ended();
      },
    });
  }

  /** A string says why there is none. */
  async next(): Promise<ReceivedReply | string> {
    const cancel = this.#clock.after(SMTP_TRY_MS, () => {
      this.#end ??= "it said nothing in time";
      this.#wake();
    });
    while (this.#come.length === 0 && this.#end === undefined) await this.#change();
    cancel();
    return this.#come.shift() ?? this.#end ?? "it said nothing";
  }

  /** Says goodbye. Who does not close then is left, and who has is not waited for. */
  leave(): void {
    if (this.#isClosed) return;
    this.#connection.write(Buffer.from("QUIT\r\n"));
    this.#connection.end();
    this.#cancelDestroy = this.#clock.after(SMTP_TRY_MS, () => this.#connection.destroy());
  }

  /** Something has come, a part of a reply perhaps, or nothing more will. */
  #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }

  #ended(): void {
    this.#end ??= "it closed the connection";
    this.#wake();
  }
}

const MAX_UNREAD = 4;
