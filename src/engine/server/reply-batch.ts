/**
 * Replies on their way out: those to the commands of one chunk leave in one write.
 */
import type { Connection } from "#base/ports/network.ts";
import { formatReply, type Reply } from "#protocols/smtp/reply.ts";
import { MAX_UNSENT_REPLY_BYTES } from "./limits.ts";

export class ReplyBatch {
  #connection: Connection;
  /** One character for each octet. */
  #wire = "";

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Goes on with what the connection has become. */
  moveTo(connection: Connection): void {
    this.#connection = connection;
  }

  add(reply: Reply): void {
    this.#wire += formatReply(reply);
  }

  /** Writes what was added. "stop": the peer leaves too much unread; wait for `drain`. */
  flush(): "go-on" | "stop" {
    if (this.#wire === "") return "go-on";
    const bytes = Buffer.from(this.#wire, "latin1");
    this.#wire = "";
    const mayGoOn = this.#connection.write(bytes);
    return mayGoOn || this.#connection.unsentBytes < MAX_UNSENT_REPLY_BYTES ? "go-on" : "stop";
  }
}
